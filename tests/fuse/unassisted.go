// SPDX-License-Identifier: MIT

// A program with system calls of its own: shares a page with itself, sees the byte cleared.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

func ioctl(fd int, cmd uintptr, arg []byte) {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), cmd,
		uintptr(unsafe.Pointer(&arg[0]))); errno != 0 {
		fail("ioctl %#x: %v", cmd, errno)
	}
}

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func open(name string) int {
	fd, err := syscall.Open("/dev/xen/"+name, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		fail("%s: %v", name, err)
	}
	return fd
}

func mmap(fd int, index uint64) []byte {
	p, err := syscall.Mmap(fd, int64(index), 4096, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED)
	if err != nil {
		fail("mmap: %v", err)
	}
	return p
}

func main() {
	order := binary.LittleEndian
	gntalloc, gntdev := open("gntalloc"), open("gntdev")

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
	order.PutUint32(notify[8:], 1)
	ioctl(gntdev, 0x104707, notify)
	syscall.Munmap(theirs)
	unmap := make([]byte, 16) // index, count
	copy(unmap, grant[8:16])
	order.PutUint32(unmap[8:], 1)
	ioctl(gntdev, 0x104701, unmap)
	if mine[3] != 0 || mine[4] != ' ' {
		fail("after the unmap: %q", mine[:7])
	}
	fmt.Println("ok")
}
