# bars - the panels of a file of bars.awk, up to three in a row. The caller sets title, unit and, where it
# wants one, a logarithmic axis. Height is known only here, so the terminal is set here.
load data
across = panels < 3 ? panels : panels == 4 ? 2 : 3
rows = (panels + across - 1) / across
height = 120 + rows * (60 + 34 * peers)
load folder.'/style.gp'
bars(file) = sprintf("'%s' using (left):1:(left):2:($1-0.36):($1+0.36):5 with boxxyerror fillstyle solid noborder \
    linecolor rgb variable, \
    '' using 3:1:($4-$3):(0) with vectors nohead linewidth 1.2 linecolor rgb ink, \
    '' using ($4):1:6 with labels left offset 0.6,0 font ',11' textcolor rgb ink", file)

set border 2
set grid noytics xtics
set tics scale 0.5,0
set format x "%g"
names = 0.12 # room for them on the left, as a share of the width
set multiplot
set label 2 title at screen 0.5, screen 1 - 26.0/height center font ",14" textcolor rgb ink
set label 3 unit at screen 0.5, screen 46.0/height center textcolor rgb ink
do for [i=1:panels] {
    column = (i-1) % across
    row = (i-1) / across
    step = (1 - 120.0/height) / rows
    set lmargin at screen names + (0.98-names) * column / across + 0.015
    set rmargin at screen names + (0.98-names) * (column+1) / across - 0.015
    set tmargin at screen 1 - 82.0/height - step * row
    set bmargin at screen 1 - 82.0/height - step * row - (34.0 * peers / height)
    set title titles[i] font ",12" offset 0,-0.6
    if (column == 0) { eval "set ytics nomirror ".places." textcolor rgb ink" } else { unset ytics }
    eval "plot ".bars(data.'.'.i)
    unset label
}
unset multiplot
