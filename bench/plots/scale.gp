# scale: what an operation costs as threads, pools and live buffers grow.
width = 860; height = 640
load folder.'/style.gp'
set datafile separator ","
set multiplot
set ytics nomirror autofreq
set label 2 "One operation: instructions, atomics on shared lines, time" at screen 0.5,0.96 center font ",14" textcolor rgb ink
array way[3] = ["thread", "pool", "live"]
array noun[3] = ["threads", "pools", "buffers in use"]
array what[3] = ["instructions", "atomics in 1,000", "ns"]
crimson = 0xC8102E
set logscale x
do for [row=1:3] {
    set tmargin at screen 0.905 - (row-1) * 0.275
    set bmargin at screen 0.905 - (row-1) * 0.275 - 0.2
    top = 0
    set autoscale # stats leaves out what lies outside the last row's ranges
    do for [i=1:3] {
        stats data.'.'.way[i] using (column(row+1)) nooutput name 'of'
        top = of_max > top ? of_max : top
    }
    set yrange [0:top * 1.3]
    do for [i=1:3] {
        set lmargin at screen 0.1 + (i-1) * 0.305
        set rmargin at screen 0.1 + (i-1) * 0.305 + 0.28
        if (i == 1) { set ylabel what[row] textcolor rgb ink; set format y "%g" } else { unset ylabel; set format y "" }
        if (row == 3) { set xlabel noun[i] textcolor rgb ink } else { unset xlabel }
        if (i == 1) { set xtics (1, 2, 8, 32, 128); set xrange [0.6:220] }
        if (i == 2) { set xtics (1, 4, 8, 16, 64); set xrange [0.6:100] }
        if (i == 3) { set xtics ("10^3" 1e3, "10^4" 1e4, "10^5" 1e5, "10^6" 1e6); set xrange [400:2.5e6] }
        file = data.'.'.way[i]
        plot file using 1:(column(row+1)) with linespoints linewidth 2.5 pointtype 7 pointsize 0.5 linecolor rgb crimson, \
             file using 1:(column(row+1)):(sprintf(column(row+1) < 99.5 ? "%.1f" : "%.0f", column(row+1))) with labels \
                 offset 0,0.9 font ",9" textcolor rgb ink
        unset label
    }
}
unset multiplot
