# report - the tables of bench/run --server from its samples: medians of interleaved samples with least and most, the
# ratio of bufpool to each malloc, CPU time, latencies, memory, the outage, and which targets were met.
#
# samples.sh says what a line is. With -v plot=rate or memory: lines for plots/bars.awk instead.
BEGIN {
    FS = ","
    AS_FAST = 0.97 # "at least as fast": what two servers of one kind differ by
    REST_KIB = 16384
}

/^#/ {
    facts[++facts_count] = substr($0, 3)
    next
}

$1 == "rate" || $1 == "slow" {
    row = $1 "," $2 "," $3 "," $4
    if (!(row in seen_row)) {
        seen_row[row] = 1
        rows[++rows_count] = row
    }
    if (!($5 in seen_peer)) {
        seen_peer[$5] = 1
        peers[++peers_count] = $5
    }
    name = row "," $5
    n = ++count[name]
    rate[name, n] = $7
    for (i = 0; i < 4; i++)
        latency[i, name, n] = $(8 + i)
    peak[name, n] = $12
    cpu[name, n] = $15
    bad += $13
    errors += $14
}

$1 == "memory" {
    resident[$2, $3] = $4
}

$1 == "outage" {
    slots++
    slot_ms[slots] = $2
    good[slots] = $3
    unavailable[slots] = $4
    other_count += $5
}

$1 == "outage-event" {
    event[$2] = $3
}

function bytes_of(size) {
    return size * (size ~ /K/ ? 1024 : size ~ /M/ ? 1048576 : 1)
}

function target(is_met, what) {
    targets++
    met += is_met
    if (!is_met)
        missed[++missed_count] = what
    return is_met ? "" : " NO"
}

function rates(row, field, p, ours, theirs, value, ratio, line) {
    split(row, field, ",")
    ours = median(rate, row ",bufpool", count[row ",bufpool"])
    line = sprintf("| %s %s, %s connections%s |", toupper(field[2]), field[3], field[4],
        field[1] == "slow" ? ", 64 slow ones besides" : "")
    for (p = 1; p <= peers_count; p++) {
        value = median(rate, row "," peers[p], count[row "," peers[p]])
        line = line sprintf(" %.0f (%.0f – %.0f)", value, least, most)
        if (peers[p] != "bufpool" && value > 0 && ours > 0) {
            ratio = ours / value
            line = line sprintf(" %.2f", ratio)
            if (field[1] == "rate") {
                line = line target(ratio >= AS_FAST, sprintf("%s %s by %s: %.2f of %s", toupper(field[2]), field[3],
                    field[4], ratio, peers[p]))
                if (bytes_of(field[3]) >= 65536) {
                    ahead++
                    ahead_met += ratio > 1
                }
            }
        }
        line = line " |"
    }
    print line
}

function header(title, p, line, under) {
    line = "| " title " |"
    under = "|---|"
    for (p = 1; p <= peers_count; p++) {
        line = line " " peers[p] " |"
        under = under "---:|"
    }
    print line
    print under
}

function latencies(row, field, p, i, line) {
    split(row, field, ",")
    line = sprintf("| %s %s, %s connections%s |", toupper(field[2]), field[3], field[4],
        field[1] == "slow" ? ", 64 slow ones besides" : "")
    for (p = 1; p <= peers_count; p++) {
        for (i = 0; i < 4; i++)
            line = line sprintf("%s%.1f", i ? " / " : " ", median(latency, i SUBSEP row "," peers[p], count[row "," peers[p]]) / 1000)
        line = line " |"
    }
    print line
}

function cpus(row, field, p, line) {
    split(row, field, ",")
    line = sprintf("| %s %s, %s connections%s |", toupper(field[2]), field[3], field[4],
        field[1] == "slow" ? ", 64 slow ones besides" : "")
    for (p = 1; p <= peers_count; p++)
        line = line sprintf(" %.0f |", median(cpu, row "," peers[p], count[row "," peers[p]]))
    print line
}

function peaks(row, field, p, line) {
    split(row, field, ",")
    line = sprintf("| %s %s, %s connections%s |", toupper(field[2]), field[3], field[4],
        field[1] == "slow" ? ", 64 slow ones besides" : "")
    for (p = 1; p <= peers_count; p++)
        line = line sprintf(" %.1f |", (median(peak, row "," peers[p], count[row "," peers[p]]) - resident["start", peers[p]]) / 1024)
    print line
}

function memory(p, left, line) {
    header("resident MiB above the start")
    line = "| at the end of the load |"
    for (p = 1; p <= peers_count; p++)
        line = line sprintf(" %.1f |", (resident["load", peers[p]] - resident["start", peers[p]]) / 1024)
    print line
    line = "| 5 s after it |"
    for (p = 1; p <= peers_count; p++) {
        left = resident["rest", peers[p]] - resident["start", peers[p]]
        line = line sprintf(" %.1f", left / 1024)
        if (peers[p] == "bufpool")
            line = line target(left <= REST_KIB, sprintf("%.1f MiB above the start 5 s after the load", left / 1024))
        line = line " |"
    }
    print line
    line = "| the start, MiB |"
    for (p = 1; p <= peers_count; p++)
        line = line sprintf(" %.1f |", resident["start", peers[p]] / 1024)
    print line
}

# The median of 100 ms slots before; then from 1 s after the return on, and the first slot that has 90 % of it.
function outage(i, before, n, m, during, later, first) {
    for (i = 1; i <= slots; i++) {
        if (slot_ms[i] > 500 && slot_ms[i] <= event["killed"])
            before_rate["x", ++n] = good[i]
        if (slot_ms[i] > event["killed"] + 100 && slot_ms[i] <= event["back"])
            during += unavailable[i]
        if (slot_ms[i] > event["back"] + 1000)
            later_rate["x", ++m] = good[i]
    }
    before = median(before_rate, "x", n)
    later = median(later_rate, "x", m)
    for (i = 1; i <= slots && !first; i++)
        if (slot_ms[i] > event["back"] && good[i] >= 0.9 * before)
            first = slot_ms[i]
    printf "Before: %.0f PUTs a second (median of slots of 100 ms). Redis away: %d answers 503. ", before * 10, during
    printf "From 1 s after its return on: %.0f, %.0f %%%s; the first slot with 90 %% ends %s ms after it. ", later * 10,
        100 * later / before, target(later >= 0.9 * before, sprintf("after the outage %.0f %%", 100 * later / before)),
        first ? first - event["back"] : "never"
    printf "Anything but 204 and 503: %d.\n", other_count
    target(first && first - event["back"] <= 1000, "90 % later than 1 s after the return")
}

# For plots/bars.awk: "case,peer,value,least,most".
function bars(i, p, field, value, name) {
    for (i = 1; i <= rows_count && plot == "rate"; i++) {
        split(rows[i], field, ",")
        for (p = 1; p <= peers_count && field[1] == "rate" && field[2] == "get" && field[4] == 16; p++) {
            name = rows[i] "," peers[p]
            value = median(rate, name, count[name])
            printf "%s,%s,%g,%g,%g\n", field[3], peers[p], value / 1000, least / 1000, most / 1000
        }
    }
    for (p = 1; p <= peers_count && plot == "memory"; p++) {
        value = 0
        for (i = 1; i <= rows_count; i++) {
            name = rows[i] "," peers[p]
            median(peak, name, count[name])
            if (most > value) value = most
        }
        value = (value - resident["start", peers[p]]) / 1024
        printf "at the peak,%s,%g,%g,%g\n", peers[p], value, value, value
    }
    for (p = 1; p <= peers_count && plot == "memory"; p++) {
        value = (resident["rest", peers[p]] - resident["start", peers[p]]) / 1024
        if (value < 0) value = 0
        printf "5 s after the load,%s,%g,%g,%g\n", peers[p], value, value, value
    }
}

END {
    if (plot) {
        bars()
        exit
    }
    print "# An HTTP front for Redis: bytes from bufpool, and from mallocs\n"
    for (i = 1; i <= facts_count; i++)
        print "- " facts[i]
    print "\n## Requests a second: median (least – most), and bufpool's as a multiple of it\n"
    header("")
    for (i = 1; i <= rows_count; i++)
        rates(rows[i])
    print "\n## What a request takes of the server's CPU time, us\n"
    header("")
    for (i = 1; i <= rows_count; i++)
        cpus(rows[i])
    print "\n## Latency, ms: p50 / p90 / p99 / p99.9\n"
    header("")
    for (i = 1; i <= rows_count; i++)
        latencies(rows[i])
    print "\n## Peak of resident memory, MiB above the start\n"
    header("")
    for (i = 1; i <= rows_count; i++)
        peaks(rows[i])
    print "\n## Memory\n"
    memory()
    if (slots) {
        print "\n## Redis killed for 5 s, under load\n"
        outage()
    }
    print ""
    target(bad + errors == 0, sprintf("%d answers above 399 and %d socket errors under wrk", bad, errors))
    printf "%d of %d targets met: at least %.2f of each malloc's rate; at most %d MiB above the start 5 s after the load; 90 %% of the rate within 1 s of Redis' return; no bad answer.\n",
        met, targets, AS_FAST, REST_KIB / 1024
    printf "From 64K up bufpool is ahead in %d of %d.\n", ahead_met, ahead
    for (i = 1; i <= missed_count; i++)
        print "- missed: " missed[i]
}
