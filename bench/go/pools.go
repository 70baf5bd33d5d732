// Package bench holds the pools that Go programs use, to measure them beside
// bufpool: what does a buffer cost a server written in Go?
//
// Both pools hand out *[]byte, as people do, so that a put allocates nothing.
package bench

import (
	"math/bits"
	"sync"
)

const (
	bitsLeast = 9  // 512 bytes
	bitsMost  = 20 // 1 MiB
)

// pool is what a benchmark drives: buffers of at least `size` bytes.
type pool interface {
	get(size int) *[]byte
	put(buffer *[]byte)
}

// plain is one sync.Pool of buffers that all have the largest size it will be
// asked for: the fastest thing, and what it costs is memory.
type plain struct {
	buffers sync.Pool
}

func newPlain(largest int) pool {
	return &plain{sync.Pool{New: func() any {
		buffer := make([]byte, largest)
		return &buffer
	}}}
}

func (p *plain) get(size int) *[]byte {
	buffer := p.buffers.Get().(*[]byte)
	*buffer = (*buffer)[:size]
	return buffer
}

func (p *plain) put(buffer *[]byte) {
	p.buffers.Put(buffer)
}

// buckets is a sync.Pool for each power of two, as vitess's bucketpool has. A
// buffer is filed by the capacity that get gave it, so it never lands in a
// bucket that promises more.
type buckets struct {
	bucket [bitsMost - bitsLeast + 1]sync.Pool
}

func newBuckets(int) pool {
	b := &buckets{}
	for i := range b.bucket {
		capacity := 1 << (bitsLeast + i)
		b.bucket[i].New = func() any {
			buffer := make([]byte, capacity)
			return &buffer
		}
	}
	return b
}

// of returns the bucket whose buffers hold `size` bytes; nil above the largest.
func (b *buckets) of(size int) *sync.Pool {
	i := bits.Len(uint(size-1)) - bitsLeast
	if i < 0 {
		i = 0
	}
	if i >= len(b.bucket) {
		return nil
	}
	return &b.bucket[i]
}

func (b *buckets) get(size int) *[]byte {
	bucket := b.of(size)
	if bucket == nil {
		buffer := make([]byte, size)
		return &buffer
	}
	buffer := bucket.Get().(*[]byte)
	*buffer = (*buffer)[:size]
	return buffer
}

func (b *buckets) put(buffer *[]byte) {
	if bucket := b.of(cap(*buffer)); bucket != nil {
		bucket.Put(buffer)
	}
}
