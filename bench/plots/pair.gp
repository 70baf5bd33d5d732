# pair: what a get and a put cost, against the size.
width = 860; height = 500
load folder.'/style.gp'

set title "A get and a put of one buffer, one thread"
set xlabel "size of the buffer" textcolor rgb ink
set ylabel "ns, logarithmic" textcolor rgb ink
set logscale x 2
set logscale y
set xtics ("512" 512, "1K" 1024, "2K" 2048, "4K" 4096, "8K" 8192, "16K" 16384, "32K" 32768, "64K" 65536, \
    "128K" 131072, "256K" 262144, "512K" 524288, "1M" 1048576)
set xrange [512:1048576]
set ytics add (2, 5, 20, 50, 200, 500)
set lmargin 9; set rmargin 13; set bmargin 5.5
set yrange [least(data):most(data)]
eval "plot ".lines(data)
