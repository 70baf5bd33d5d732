# server-memory: what the server holds at the peak, and 5 s after.
width = 860
title = "The same server: resident memory above its start"
unit = "MiB, less is better"
load folder.'/bars.gp'
