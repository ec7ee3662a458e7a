//! A thread of the store that ends with it.

use crate::LogStoreError;
use crate::store::Inner;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Owns a thread; dropping it ends and joins the thread.
#[derive(Debug)]
pub(crate) struct Worker {
    inner: Arc<Inner>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Runs `work`, which looks at its flag whenever `Inner::changed` wakes it, and often besides.
    pub(crate) fn start(
        name: &str,
        inner: &Arc<Inner>,
        work: impl FnOnce(&Inner, &AtomicBool) + Send + 'static,
    ) -> Result<Worker, LogStoreError> {
        let stop = Arc::new(AtomicBool::new(false));
        let run = {
            let (inner, stop) = (Arc::clone(inner), Arc::clone(&stop));
            move || work(&inner, &stop)
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(LogStoreError::Thread)?;
        Ok(Worker { inner: Arc::clone(inner), stop, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Under the lock, so that the thread cannot miss it between its look at the flag and its wait.
        drop(self.inner.fresh.lock());
        self.inner.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It panics only where its work does, and has told so.
            drop(thread.join());
        }
    }
}
