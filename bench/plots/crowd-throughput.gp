# crowd: how many pairs a second many threads do together.
width = 860
title = "Many threads, each replacing random buffers of 512 bytes to 64K"
unit = "million pairs a second, more is better; thin line: least to most"
load folder.'/bars.gp'
