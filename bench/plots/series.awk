# series - lines "peer,x,y" to what the gnuplot scripts draw.
#
# Prints three blocks of data, which are gnuplot's indexes: 0 bufpool's line, 1 the
# others', 2 the labels at the lines' ends, pushed apart where they would overlap.
# Columns: x, y, colour; of a label its text behind them. A comment in the first line
# gives the range of y with room for the labels: "# range LEAST MOST".
#
# Variables: logarithmic (1: y is), gap (least distance of two labels, as a share
# of the axis), least (y is at least that, and the axis, if it is not logarithmic, begins there).
# Usage: awk -F, -f colours.awk -f series.awk -v logarithmic=1 -v gap=0.05

function axis(y) {
    return logarithmic ? log(y) : y
}

function back(y) {
    return logarithmic ? exp(y) : y
}

BEGIN {
    low = 1e300
    high = -1e300
}

{
    if (!($1 in points)) names[++count] = $1
    if (least != "" && $3 < least) $3 = least
    at = ++points[$1]
    x[$1, at] = $2
    y[$1, at] = axis($3)
    if (y[$1, at] < low) low = y[$1, at]
    if (y[$1, at] > high) high = y[$1, at]
}

function draw(name,    i) {
    for (i = 1; i <= points[name]; i++)
        printf "%.10g %.6g %d\n", x[name, i], back(y[name, i]), colour(name)
    print ""
}

END {
    if (!count) exit 1
    if (least != "" && !logarithmic && least < low) low = least
    if (high <= low) high = low + 1
    room = (high - low) * 0.06
    low -= logarithmic ? room : 0
    high += room

    # Labels from the lowest to the highest, none nearer to the one below than the gap; then,
    # if the last stands out at the top, all that are in its way back down.
    for (i = 1; i <= count; i++) {
        name = names[i]
        place = y[name, points[name]]
        for (j = i - 1; j >= 1 && label_y[j] > place; j--) {
            label_y[j + 1] = label_y[j]
            label[j + 1] = label[j]
        }
        label_y[j + 1] = place
        label[j + 1] = name
    }
    gap *= high - low
    for (i = 2; i <= count; i++)
        if (label_y[i] < label_y[i - 1] + gap) label_y[i] = label_y[i - 1] + gap
    if (label_y[count] > high) label_y[count] = high
    for (i = count - 1; i >= 1; i--)
        if (label_y[i] > label_y[i + 1] - gap) label_y[i] = label_y[i + 1] - gap

    printf "# range %g %g\n", back(low), back(high)
    if ("bufpool" in points) draw("bufpool")
    else print "NaN NaN 0\n"
    print ""
    for (i = 1; i <= count; i++)
        if (names[i] != "bufpool") draw(names[i])
    if (count == 1 && "bufpool" in points) print "NaN NaN 0\n"
    print ""
    for (i = 1; i <= count; i++)
        printf "%.10g %.6g %d %s\n", x[label[i], points[label[i]]], back(label_y[i]), colour(label[i]), label[i]
}
