// What do Go's own pools cost on the rows of the C harness?
//
// Reported is ns a get and put (pair, batch), a replacement (mix) or a buffer
// in wall time (handoff), under the C rows' names; of two goroutines that do
// the same, what one of them takes. Every get writes the first word. The collector is
// Go's normal one: it empties a sync.Pool over two cycles, and since nothing
// here allocates once the pools are warm, it hardly runs. A program that makes
// garbage beside pays more.
//
// What would fool it: a pool in an interface costs an indirect call, some 2 ns,
// but a program's pool is rarely a global either; goroutines are not pinned.
package bench

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"testing"
)

var peers = []struct {
	name string
	make func(largest int) pool
}{
	{"go-pool", newPlain},
	{"go-buckets", newBuckets},
}

// eachPeer runs a benchmark on every peer, as Benchmark<Workload>/<case>/<peer>.
func eachPeer(b *testing.B, variant string, largest int, run func(*testing.B, pool)) {
	b.Run(variant, func(b *testing.B) {
		for _, peer := range peers {
			pool := peer.make(largest) // one for the short runs and the long one: they are its warm-up
			b.Run(peer.name, func(b *testing.B) { run(b, pool) })
		}
	})
}

func touch(buffer *[]byte) {
	binary.LittleEndian.PutUint64(*buffer, 1)
}

func pairs(pool pool, count int) {
	for ; count > 0; count-- {
		buffer := pool.get(4096)
		touch(buffer)
		pool.put(buffer)
	}
}

func BenchmarkPair(b *testing.B) {
	eachPeer(b, "4K 1 thread", 4096, func(b *testing.B, pool pool) {
		pairs(pool, b.N)
	})
	eachPeer(b, "4K 2 threads", 4096, func(b *testing.B, pool pool) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		b.ResetTimer()
		// b.N pairs on each, side by side: wall time over b.N is what a pair takes one of them.
		var both sync.WaitGroup
		both.Add(2)
		for i := 0; i < 2; i++ {
			go func() {
				defer both.Done()
				pairs(pool, b.N)
			}()
		}
		both.Wait()
	})
}

func BenchmarkBatch(b *testing.B) {
	const size, batch = 16384, 64
	eachPeer(b, "16K x 64 fifo", size, func(b *testing.B, pool pool) {
		var held [batch]*[]byte
		// Whole batches; of some ten million buffers the rest of the last one does not count.
		for done := 0; done < b.N; done += batch {
			for i := range held {
				held[i] = pool.get(size)
				touch(held[i])
			}
			for _, buffer := range held {
				pool.put(buffer)
			}
		}
	})
}

func BenchmarkMix(b *testing.B) {
	const slots, least, most = 256, 512, 65536
	var size [1024]int
	for i := range size {
		size[i] = int(least * math.Pow(most/least, (float64(i)+0.5)/float64(len(size))))
	}
	eachPeer(b, "1 thread", most, func(b *testing.B, pool pool) {
		random := uint64(0x9e3779b97f4a7c15)
		var held [slots]*[]byte
		for i := range held {
			held[i] = pool.get(size[i])
		}
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			random ^= random << 13
			random ^= random >> 7
			random ^= random << 17
			slot := &held[random%slots]
			pool.put(*slot)
			*slot = pool.get(size[random>>20%uint64(len(size))])
			touch(*slot)
		}
	})
}

// Over a channel, as Go programs do it: a ring with two spinning goroutines, as
// in C, took half as long again.
func BenchmarkHandoff(b *testing.B) {
	const size, slots = 16384, 256
	eachPeer(b, "16K 1->1", size, func(b *testing.B, pool pool) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
		channel := make(chan *[]byte, slots)
		b.ResetTimer()
		go func() {
			for i := 0; i < b.N; i++ {
				buffer := pool.get(size)
				touch(buffer)
				channel <- buffer
			}
		}()
		for i := 0; i < b.N; i++ {
			pool.put(<-channel)
		}
	})
}
