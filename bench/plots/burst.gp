# burst: what stays resident after everything was put.
width = 860; height = 460
load folder.'/style.gp'
set title "Resident memory: 250 MiB taken and filled, all put, every thread asleep"
set xlabel "seconds after the last put" textcolor rgb ink
set ylabel "MiB above the start" textcolor rgb ink
set lmargin 9; set rmargin 15; set bmargin 5.5
set xtics 1
set xrange [-0.5:5]
set yrange [least(data):most(data)]
set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead linewidth 1 dashtype 3 linecolor rgb 0x888888
eval "plot ".lines(data)
