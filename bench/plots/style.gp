# style - what all plots share. The caller sets format ("svg" or "png"), output, width, height, caption.

if (format eq "svg") {
    set terminal svg size width,height font "Helvetica,Arial,sans-serif,13" background "white" rounded
} else {
    set terminal pngcairo size 2*width,2*height font "DejaVu Sans,11" fontscale 2 linewidth 2 pointscale 2 \
        background "white" rounded
}
set output output
set encoding utf8

ink = 0x333333
set border 3 linecolor rgb 0x999999
set tics nomirror textcolor rgb ink scale 0.5,0
set grid ytics linecolor rgb 0xdddddd linewidth 0.7 dashtype solid
unset key
set title font ",14" textcolor rgb ink
set label 1 caption noenhanced at screen 0.012,0.024 font ",9" textcolor rgb 0x888888

# A line for bufpool, thinner ones for the others, and a name at the end of each: of a file of series.awk.
lines(file) = sprintf("'%s' index 1 using 1:2:3 with lines linewidth 1.6 linecolor rgb variable, \
    '%s' index 0 using 1:2:3 with lines linewidth 3.5 linecolor rgb variable, \
    '%s' index 2 using 1:2:4:3 with labels left offset 0.7,0 font ',11' textcolor rgb variable", \
    file, file, file)
# The range of y that series.awk asks for.
bound(file, which) = real(system(sprintf("awk '/^# range/ { print $%d }' '%s'", which, file)))
least(file) = bound(file, 3)
most(file) = bound(file, 4)
