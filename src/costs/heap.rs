//! An allocator that counts while it is asked to. What connections hold is too little to be seen in the memory of a whole
//! process, which the allocator gives back when it likes.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

/// The program's allocator. Nothing is counted, and nothing but a look at a flag added, unless somebody counts.
#[derive(Debug)]
pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
/// Whether this is the program's allocator at all.
static THERE: AtomicBool = AtomicBool::new(false);
static HELD: AtomicI64 = AtomicI64::new(0);

/// Counts until it is dropped. Two at a time would count each other's.
#[derive(Debug)]
pub struct Count(());

impl Count {
    /// Begins to count; nothing if the program has another allocator.
    pub fn begin() -> Option<Self> {
        COUNTS.store(true, Relaxed);
        // If it is there, it sees this.
        drop(std::hint::black_box(Box::new(0u8)));
        HELD.store(0, Relaxed);
        let there = THERE.load(Relaxed);
        COUNTS.store(there, Relaxed);
        there.then_some(Self(()))
    }

    /// Bytes that were allocated since it began, less those that were let go.
    pub fn held(&self) -> i64 {
        HELD.load(Relaxed)
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        COUNTS.store(false, Relaxed);
    }
}

fn count(bytes: i64) {
    if COUNTS.load(Relaxed) {
        THERE.store(true, Relaxed);
        HELD.fetch_add(bytes, Relaxed);
    }
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
