# crowd: how long one get and one put take, up to the rare ones.
width = 860; height = 460
load folder.'/style.gp'
set multiplot
set label 2 "One get and one put among 32 threads" at screen 0.5,0.945 center font ",14" textcolor rgb ink
set label 3 "share of the calls that take at most so long, percent; time logarithmic" at screen 0.5,0.085 center textcolor rgb ink
set logscale y
set xtics ("50%%" 0.30103, "90%%" 1, "99%%" 2, "99.9" 3, "99.99" 4, "99.999" 5)
set xrange [0.3:5]
set ytics ("1 ns" 1, "10 ns" 10, "100 ns" 100, "1 µs" 1e3, "10 µs" 1e4, "100 µs" 1e5, "1 ms" 1e6, "10 ms" 1e7, \
    "100 ms" 1e8, "1 s" 1e9)
a = data.".get"; b = data.".put"
set yrange [(least(a) < least(b) ? least(a) : least(b)):(most(a) > most(b) ? most(a) : most(b))]
set tmargin at screen 0.82
set bmargin at screen 0.2
do for [i=1:2] {
    set lmargin at screen i == 1 ? 0.085 : 0.54
    set rmargin at screen i == 1 ? 0.425 : 0.88
    set title i == 1 ? "get" : "put" font ",12" offset 0,-0.6
    eval "plot ".lines(i == 1 ? a : b)
    unset label
    # The right one has the same scale.
    set ytics ("" 1, "" 10, "" 100, "" 1e3, "" 1e4, "" 1e5, "" 1e6, "" 1e7, "" 1e8, "" 1e9)
}
unset multiplot
