// SPDX-License-Identifier: MIT

// Rust's own library and threads: a page is mapped, and its munmap alone clears the byte and sends the event,
// which a thread waits for.
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::io::AsRawFd;
use std::sync::mpsc::channel;
use std::thread;

extern "C" {
    fn ioctl(fd: i32, command: u64, ...) -> i32;
    fn mmap(at: *mut u8, length: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
    fn munmap(at: *mut u8, length: usize) -> i32;
}

const BIND_INTERDOMAIN: u64 = 0x084501;
const BIND_UNBOUND_PORT: u64 = 0x044502;
const MAP_GRANT_REF: u64 = 0x184700;
const UNMAP_GRANT_REF: u64 = 0x104701;
const ALLOC_GREF: u64 = 0x184705;
const SET_UNMAP_NOTIFY: u64 = 0x104707;

fn device(name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(format!("/dev/xen/{}", name)).unwrap()
}

fn call(file: &File, command: u64, arg: &mut [u32]) -> u32 {
    let result = unsafe { ioctl(file.as_raw_fd(), command, arg.as_mut_ptr()) };
    assert!(result >= 0, "ioctl {:#x}: {}", command, std::io::Error::last_os_error());
    result as u32
}

fn map(file: &File, index: &[u32]) -> *mut u8 {
    let offset = index[0] as i64 | (index[1] as i64) << 32;
    let at = unsafe { mmap(std::ptr::null_mut(), 4096, 3, 1, file.as_raw_fd(), offset) };
    assert!(at as isize != -1, "mmap: {}", std::io::Error::last_os_error());
    at
}

fn byte(at: *mut u8, n: usize) -> u8 {
    unsafe { at.add(n).read_volatile() }
}

fn main() {
    let mut evtchn = device("evtchn");
    let (gntalloc, gntdev) = (device("gntalloc"), device("gntdev"));
    let port = call(&evtchn, BIND_UNBOUND_PORT, &mut [0]);
    let other = call(&evtchn, BIND_INTERDOMAIN, &mut [0, port]);
    let (send, events) = channel();
    thread::spawn(move || loop {
        let mut got = [0u8; 4];
        evtchn.read_exact(&mut got).unwrap();
        send.send(u32::from_ne_bytes(got)).unwrap();
        evtchn.write_all(&got).unwrap();
    });
    assert_eq!(events.recv().unwrap(), other); // that it is bound

    for _ in 0..20 {
        let mut alloc = [1 << 16, 1, 0, 0, 0, 0]; // domid and flags, count, index, reference
        call(&gntalloc, ALLOC_GREF, &mut alloc);
        let mine = map(&gntalloc, &alloc[2..4]);
        unsafe { mine.add(3).write_volatile(7) };
        let mut grant = [1, 0, 0, 0, 0, alloc[4]]; // count, pad, index, domid, reference
        call(&gntdev, MAP_GRANT_REF, &mut grant);
        let theirs = map(&gntdev, &grant[2..4]);
        assert_eq!(byte(theirs, 3), 7);
        call(&gntdev, SET_UNMAP_NOTIFY, &mut [grant[2] + 3, grant[3], 3, port]);
        call(&gntdev, UNMAP_GRANT_REF, &mut [grant[2], grant[3], 1, 0]);
        assert_eq!(byte(mine, 3), 7, "cleared before the munmap");
        unsafe { munmap(theirs, 4096) };
        assert_eq!(byte(mine, 3), 0, "not cleared by the munmap");
        assert_eq!(events.recv().unwrap(), other);
        unsafe { munmap(mine, 4096) };
    }
    println!("exact");
}
