# handoff: what a buffer costs that one thread gets and another puts.
width = 860
title = "A buffer got on one thread and put on another"
unit = "wall ns a buffer, logarithmic; thin line: least to most"
set logscale x
load folder.'/bars.gp'
