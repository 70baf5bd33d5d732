# bars - lines "case,peer,value,least,most" to horizontal bars, a panel a case.
#
# Writes FILE.1, FILE.2 ..., a panel each: of a bar its place from below, value, least,
# most, colour, and the value as text; and FILE, gnuplot commands that set how many
# panels there are, their titles, the peers' names at their places, and the ranges.
# Peers stand in the same place in every panel: bufpool on top, then as good as they
# are in the first panel, the harness at the bottom. A value that is no number ("runs dry") is text without a bar.
#
# Variables: file; more (1: more is better); logarithmic (1: the axis is).
# Usage: awk -F, -f colours.awk -f bars.awk -v file=handoff -v logarithmic=1

function text(value) {
    return sprintf(value >= 99.5 ? "%.0f" : "%.1f", value)
}

function better(a, b) {
    if (a == "bufpool" || b == "bufpool") return a == "bufpool"
    if (a == "harness" || b == "harness") return b == "harness"
    if (!(a in first) || !(b in first)) return a in first
    return more ? first[a] > first[b] : first[a] < first[b]
}

BEGIN {
    low = 1e300
    high = -1e300
}

{
    if (!($1 in panel)) {
        title[++panels] = $1
        sub("->", "\342\206\222", title[panels])
        panel[$1] = panels
    }
    if (!($2 in known)) {
        known[$2] = 1
        name[++peers] = $2
    }
    line[++lines] = $0
    if ($3 + 0 != $3) next
    if (panel[$1] == 1) first[$2] = $3
    if ($3 < low) low = $3
    if ($5 > high) high = $5
}

END {
    if (high <= 0) exit 1
    for (i = 2; i <= peers; i++)
        for (j = i; j > 1 && better(name[j], name[j - 1]); j--) {
            swap = name[j]
            name[j] = name[j - 1]
            name[j - 1] = swap
        }
    printf "panels = %d\n", panels > file
    printf "array titles[%d]\n", panels > file
    for (i = 1; i <= panels; i++) printf "titles[%d] = '%s'\n", i, title[i] > file
    printf "peers = %d\nset yrange [0.4:%d.6]\nplaces = \"(", peers, peers > file
    for (i = 1; i <= peers; i++) {
        place[name[i]] = peers - i + 1
        shown = name[i] == "bufpool" ? "{/:Bold bufpool}" : name[i]
        printf "%s'%s' %d", (i == 1 ? "" : ", "), shown, place[name[i]] > file
    }
    print ")\"" > file
    # Room for the figure behind the longest bar.
    left = logarithmic ? low / 2 : 0
    right = logarithmic ? high * (high / left) ^ 0.3 : high * 1.3
    printf "left = %g\nset xrange [left:%g]\n", left, right > file
    for (i = 1; i <= panels; i++) printf "" > (file "." i)
    for (i = 1; i <= lines; i++) {
        split(line[i], field, ",")
        panel_file = file "." panel[field[1]]
        if (field[3] + 0 == field[3])
            printf "%d %g %g %g", place[field[2]], field[3], field[4], field[5] > panel_file
        else
            printf "%d %g %g %g", place[field[2]], left, left, left > panel_file
        shown = field[3] + 0 == field[3] ? text(field[3]) : field[3]
        printf " %d \"%s\"\n", colour(field[2]), shown > panel_file
    }
}
