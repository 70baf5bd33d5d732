# report - the table of bench/workpool/run from its samples: medians of interleaved samples, least and most, and the ratio
# to the better one of GLib's two. A line: case,peer,workers,submitters,round,metric,value.
BEGIN {
    FS = ","
    title["asleep"] = "submit to run, all workers asleep"
    title["awake"] = "submit to run, one after another"
    title["throughput"] = "jobs"
    unit["median"] = "ns, median"
    unit["p99"] = "ns, 99 %"
    unit["sleeps"] = "sleeps a job"
    unit["thousand a second"] = "thousand a second"
}

/^#/ {
    facts[++facts_count] = substr($0, 3)
    next
}

{
    key = $1 "," $3 "," $4 "," $6
    if (!(key in seen)) {
        seen[key] = 1
        order[++rows] = key
    }
    n = ++count[key, $2]
    value[key, $2, n] = $7
}

# The median of a peer's samples, and `text` for the table.
function told(key, peer, format, middle) {
    middle = median(value, key SUBSEP peer, count[key, peer])
    text = sprintf(format " (" format " – " format ")", middle, least, most)
    return middle
}

END {
    print "# workpool and GLib's GThreadPool\n"
    for (i = 1; i <= facts_count; i++)
        print "- " facts[i]
    print "\n| | workers | submitters | unit | workpool (least – most) | GThreadPool, exclusive | GThreadPool, shared | ratio to the better | at least as good |"
    print "|---|---:|---:|---|---:|---:|---:|---:|---|"
    for (r = 1; r <= rows; r++) {
        split(order[r], part, ",")
        more = part[1] == "throughput"
        format = part[4] == "sleeps" ? "%.3f" : "%.0f"
        ours = told(order[r], "workpool", format); our_text = text
        own = told(order[r], "glib", format); own_text = text
        shared = told(order[r], "glib-shared", format); shared_text = text
        # No target, it tells why: counted, so it depends less on the machine than the times do.
        if (part[4] == "sleeps") {
            printf "| %s | %d | %d | %s | %s | %s | %s | | |\n", title[part[1]], part[2], part[3], unit[part[4]], our_text, own_text,
                shared_text
            continue
        }
        better = more ? (own > shared ? own : shared) : (own < shared ? own : shared)
        good = more ? ours >= better : ours <= better
        targets++
        met += good
        if (!good)
            missed[++missed_count] = sprintf("%s, %d workers, %d submitters, %s: %.2f", title[part[1]], part[2], part[3],
                                             unit[part[4]], ours / better)
        printf "| %s | %d | %d | %s | %s | %s | %s | %.2f | %s |\n", title[part[1]], part[2], part[3], unit[part[4]],
            our_text, own_text, shared_text, ours / better, good ? "yes" : "NO"
    }
    printf "\n%d of %d targets met: at least as good as the better GThreadPool.\n", met, targets
    for (i = 1; i <= missed_count; i++)
        print "- missed: " missed[i]
}
