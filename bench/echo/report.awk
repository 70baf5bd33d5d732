# report - the tables of bench/echo/run from its samples: medians of interleaved samples, least and most, the ratio to
# malloc, resident memory, and which targets were met.
#
# A line: program,kind,size,round,MiB/s,start,loaded,end (KiB),in use,hit rate.
BEGIN {
    FS = ","
    RATIO = 0.97
    BACK_KIB = 8192
    base["uv,face"] = base["uv,pool"] = "uv,malloc"
    base["event,face"] = "event,malloc"
    base["event,pool"] = "event,malloc-own"
    split("uv,face uv,pool event,face event,pool", wanted, " ")
    title["uv,face"] = "libuv, `bufpool_uv_install` and bufpool_malloc"
    title["uv,pool"] = "libuv, `BUFPOOL_UV_ALLOC` and `bufpool_uv_write`"
    title["event,face"] = "libevent, bufferevents, `bufpool_event_install`"
    title["event,pool"] = "libevent, own reads, `bufpool_event_read`"
}

/^#/ {
    facts[++facts_count] = substr($0, 3)
    next
}

{
    sub(/^bufpool-echo-/, "", $1)
    case_name = $1 "," $2 "," $3
    if (!($3 in seen_size)) {
        seen_size[$3] = 1
        size[++sizes] = $3
    }
    n = ++count[case_name]
    rate[case_name, n] = $5
    start[case_name, n] = $6
    loaded[case_name, n] = $7
    back[case_name, n] = $8 - $6
    loaded_by[case_name, n] = $7 - $6
    hits[case_name, n] = $10
    if ($9 != 0)
        leaks[++leak_count] = case_name ": " $9 " bytes"
}

function size_text(bytes) {
    return bytes >= 1048576 ? bytes / 1048576 "M" : bytes >= 1024 ? bytes / 1024 "K" : bytes
}

function mib(kib) {
    return sprintf("%.1f", kib / 1024)
}

END {
    print "# Echo servers: malloc and the adapters\n"
    for (i = 1; i <= facts_count; i++)
        print "- " facts[i]
    for (w = 1; w <= 4; w++) {
        name = wanted[w]
        if (!((name "," size[1]) in count))
            continue
        printf "\n## %s\n\n", title[name]
        print "| message | malloc MiB/s (least – most) | adapter MiB/s | ratio | no slower | hits % | resident MiB over the start: malloc loaded | malloc after | adapter loaded | after two collections |"
        print "|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|"
        for (s = 1; s <= sizes; s++) {
            ours = name "," size[s]
            theirs = base[name] "," size[s]
            n = count[ours]
            if (n == 0 || count[theirs] == 0)
                continue
            malloc_rate = median(rate, theirs, count[theirs])
            malloc_range = sprintf("%.0f (%.0f – %.0f)", malloc_rate, least, most)
            our_rate = median(rate, ours, n)
            our_range = sprintf("%.0f (%.0f – %.0f)", our_rate, least, most)
            ratio = our_rate / malloc_rate
            targets++
            met += ratio >= RATIO
            if (ratio < RATIO)
                missed[++missed_count] = sprintf("%s at %s: %.3f", title[name], size_text(size[s]), ratio)
            median(back, ours, n)
            back_most = most
            targets++
            met += back_most <= BACK_KIB
            if (back_most > BACK_KIB)
                missed[++missed_count] = sprintf("%s at %s: %s MiB above the start", title[name], size_text(size[s]),
                                                 mib(back_most))
            printf "| %s | %s | %s | %.3f | %s | %.3f | %s | %s | %s | %s |\n", size_text(size[s]), malloc_range,
                our_range, ratio, ratio >= RATIO ? "yes" : "NO", 100 * median(hits, ours, n),
                mib(median(loaded_by, theirs, count[theirs])), mib(median(back, theirs, count[theirs])),
                mib(median(loaded_by, ours, n)), mib(back_most)
        }
    }
    printf "\n%d of %d targets met: a ratio of at least %.2f, and at most %d MiB above the start after two collections.\n",
        met, targets, RATIO, BACK_KIB / 1024
    for (i = 1; i <= missed_count; i++)
        print "- missed: " missed[i]
    for (i = 1; i <= leak_count; i++)
        print "IN USE at the end: " leaks[i]
}
