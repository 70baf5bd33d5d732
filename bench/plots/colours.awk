# colours - one strong colour for bufpool, muted ones for the others; the same in every plot.

function colour(peer) {
    return peer in colours ? colours[peer] : 8947848
}

BEGIN {
    colours["bufpool"] = 13111342      # crimson
    colours["bufpool-inline"] = 15239567 # pale crimson
    colours["glibc"] = 8355711         # grey
    colours["jemalloc"] = 5869949      # sage
    colours["jemalloc-bg"] = 10273204  # pale sage
    colours["mimalloc"] = 13210171     # ochre
    colours["tcmalloc"] = 5209260      # steel blue
    colours["tbbmalloc"] = 9072552     # mauve
    colours["mempool"] = 8215108       # brown
    colours["go-pool"] = 3843769       # teal
    colours["go-buckets"] = 8832463    # pale teal
    colours["floor"] = 11579568        # light grey
    colours["inline"] = 13158600       # paler grey
    colours["harness"] = 13158600
}
