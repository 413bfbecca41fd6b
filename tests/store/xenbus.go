// SPDX-License-Identifier: MIT

// A program with system calls of its own whose one device is /dev/xen/xenbus: what its directory shows, its domain's
// name, a node of its own, a watch, and what is another's.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
)

const (
	read  = 2
	watch = 4
	write = 11
	event = 15
	wrong = 16
)

func fail(format string, args ...interface{}) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

type bus struct{ fd int }

func (b bus) all(n uint32) []byte {
	p := make([]byte, n)
	for at := 0; at < len(p); {
		n, err := syscall.Read(b.fd, p[at:])
		if err != nil || n == 0 {
			fail("read: %d, %v", n, err)
		}
		at += n
	}
	return p
}

func (b bus) receive() (uint32, string) {
	head := b.all(16)
	return binary.LittleEndian.Uint32(head), string(b.all(binary.LittleEndian.Uint32(head[12:])))
}

func (b bus) say(kind uint32, body string) {
	var m bytes.Buffer
	binary.Write(&m, binary.LittleEndian, []uint32{kind, 1, 0, uint32(len(body))})
	m.WriteString(body)
	if n, err := syscall.Write(b.fd, m.Bytes()); err != nil || n != m.Len() {
		fail("write: %d, %v", n, err)
	}
}

func (b bus) ask(kind uint32, body string) (uint32, string) {
	b.say(kind, body)
	return b.receive()
}

func (b bus) expect(kind uint32, body string, wantKind uint32, want string) {
	if gotKind, got := b.ask(kind, body); gotKind != wantKind || got != want {
		fail("%q: %d %q, expected %d %q", body, gotKind, got, wantKind, want)
	}
}

func main() {
	domain, other := os.Args[1], os.Args[2]
	var names []string
	entries, err := os.ReadDir("/dev/xen")
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if list := " " + strings.Join(names, " ") + " "; err != nil || !strings.Contains(list, " xenbus ") {
		fail("/dev/xen: %v, %v", names, err)
	}
	fd, err := syscall.Open("/dev/xen/xenbus", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		fail("xenbus: %v", err)
	}
	b := bus{fd}
	b.expect(read, "name\x00", read, "domain-"+domain)
	b.expect(write, "data/secret\x00of "+domain, write, "OK\x00")
	b.expect(read, "/local/domain/"+domain+"/data/secret\x00", read, "of "+domain)
	b.expect(read, "/local/domain/"+other+"/data/secret\x00", wrong, "EACCES\x00")
	b.expect(write, "/local/domain/"+other+"/data/secret\x00x", wrong, "EACCES\x00")
	// A watch's own answer may come after its first event.
	b.say(watch, "data\x00token\x00")
	b.receive()
	b.receive()
	b.say(write, "data/seen\x001")
	for i, seen := 0, false; i < 2; i++ {
		kind, body := b.receive()
		seen = seen || kind == event && body == "data/seen\x00token\x00"
		if i == 1 && !seen {
			fail("no event: %d %q", kind, body)
		}
	}
	fmt.Println("all of", domain)
}
