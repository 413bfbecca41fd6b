// SPDX-License-Identifier: MIT

// Go's own system calls, threads and garbage: a page is mapped, and its munmap alone clears the byte and
// sends the event, which a goroutine waits for.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

var order = binary.LittleEndian

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func ioctl(fd int, cmd uintptr, arg []byte) int {
	r, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), cmd, uintptr(unsafe.Pointer(&arg[0])))
	if errno != 0 {
		fail("ioctl %#x: %v", cmd, errno)
	}
	return int(r)
}

func open(name string) *os.File {
	f, err := os.OpenFile("/dev/xen/"+name, os.O_RDWR, 0)
	if err != nil {
		fail("%v", err)
	}
	return f
}

func mmap(fd int, index uint64) []byte {
	p, err := syscall.Mmap(fd, int64(index), 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		fail("mmap: %v", err)
	}
	return p
}

func main() {
	evtchn := open("evtchn")
	fd := int(evtchn.Fd())
	allocFile, mapFile := open("gntalloc"), open("gntdev")
	gntalloc, gntdev := int(allocFile.Fd()), int(mapFile.Fd())
	unbound := make([]byte, 4)
	port := ioctl(fd, 0x044502, unbound)
	inter := make([]byte, 8)
	order.PutUint32(inter[4:], uint32(port))
	other := ioctl(fd, 0x084501, inter)

	events := make(chan uint32)
	go func() {
		for {
			b := make([]byte, 4)
			if n, err := syscall.Read(fd, b); n != 4 {
				fail("read: %d, %v", n, err)
			}
			events <- order.Uint32(b)
			syscall.Write(fd, b)
		}
	}()
	<-events // that it is bound

	var wait sync.WaitGroup
	for i := 0; i < 4; i++ {
		wait.Add(1)
		go func() {
			for n := 0; n < 50; n++ {
				_ = make([]byte, 1<<20)
			}
			wait.Done()
		}()
	}
	for round := 0; round < 20; round++ {
		alloc := make([]byte, 24) // domid, flags, count, index, reference
		order.PutUint16(alloc[2:], 1)
		order.PutUint32(alloc[4:], 1)
		ioctl(gntalloc, 0x184705, alloc)
		mine := mmap(gntalloc, order.Uint64(alloc[8:]))
		copy(mine, "from Go")
		grant := make([]byte, 24) // count, pad, index, domid, reference
		order.PutUint32(grant, 1)
		copy(grant[20:], alloc[16:20])
		ioctl(gntdev, 0x184700, grant)
		theirs := mmap(gntdev, order.Uint64(grant[8:]))
		if string(theirs[:7]) != "from Go" {
			fail("mapped: %q", theirs[:7])
		}
		notify := make([]byte, 16) // index, action, port
		order.PutUint64(notify, order.Uint64(grant[8:])+3)
		order.PutUint32(notify[8:], 3)
		order.PutUint32(notify[12:], uint32(port))
		ioctl(gntdev, 0x104707, notify)
		unmap := make([]byte, 16) // index, count
		copy(unmap, grant[8:16])
		order.PutUint32(unmap[8:], 1)
		ioctl(gntdev, 0x104701, unmap)
		runtime.GC()
		if mine[3] == 0 {
			fail("cleared before the munmap")
		}
		syscall.Munmap(theirs)
		if mine[3] != 0 || mine[4] != ' ' {
			fail("after the munmap: %q", mine[:7])
		}
		if got := <-events; int(got) != other {
			fail("event %d, not %d", got, other)
		}
		syscall.Munmap(mine)
	}
	wait.Wait()
	allocFile.Close()
	mapFile.Close()
	runtime.KeepAlive(evtchn) // the other goroutine reads it until the end
	fmt.Println("exact")
}
