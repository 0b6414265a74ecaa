//! An allocator that counts. What connections hold is too little to be seen in the memory of a whole process, which the
//! allocator gives back when it likes.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// The program's allocator, counting.
pub struct Counting;

static HELD: AtomicI64 = AtomicI64::new(0);

/// Bytes that are allocated and not let go.
pub fn held() -> i64 {
    HELD.load(Relaxed)
}

fn count(bytes: i64) {
    HELD.fetch_add(bytes, Relaxed);
}

// An allocator cannot be made without.
#[allow(unsafe_code)]
// SAFETY: every call is mimalloc's own, with the arguments unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { MiMalloc.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { MiMalloc.dealloc(at, layout) }
    }
}
