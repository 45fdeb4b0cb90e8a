//! A bounded pool for password hashing, away from the threads that serve connections.
//!
//! Deriving a key takes milliseconds on purpose; on an I/O thread it would stall every other
//! connection of that thread. No more jobs run at once than there are cores to run them, and no more
//! wait than the queue allows: past that a login is refused for now, so that a flood of logins costs the
//! server neither memory nor the time of those already in.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use xmppd::hashing::HashingPool;
//!
//! assert_eq!(HashingPool::new().run(|| 6 * 7).await, Ok(42));
//! # })
//! ```

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Jobs that may wait for a core by default: some seconds of work for one core.
pub const DEFAULT_WAITING: usize = 1024;

/// A bounded pool of hashing jobs; clones share it.
#[derive(Clone, Debug)]
pub struct HashingPool {
    /// One permit per job that runs or waits.
    admitted: Arc<Semaphore>,
    /// One permit per job that runs.
    running: Arc<Semaphore>,
}

impl HashingPool {
    /// A pool that runs as many jobs at once as there are cores, with [`DEFAULT_WAITING`] more in the queue.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self::with_bounds(cores, DEFAULT_WAITING)
    }

    /// A pool that runs at most `running` jobs at once and lets at most `waiting` more wait.
    pub fn with_bounds(running: NonZero<usize>, waiting: usize) -> Self {
        let admitted = running.get().saturating_add(waiting).min(Semaphore::MAX_PERMITS);
        let running = running.get().min(Semaphore::MAX_PERMITS);
        Self { admitted: Arc::new(Semaphore::new(admitted)), running: Arc::new(Semaphore::new(running)) }
    }

    /// Runs `job` on a thread of its own, in the order of the calls.
    ///
    /// Dropping the future gives up a waiting job; a running one keeps its core until it ends, so that the
    /// bound holds whatever connections do.
    ///
    /// # Errors
    /// [`HashingError::Busy`] when the queue is full, [`HashingError::Failed`] when the job
    /// panicked or the runtime is shutting down. Both are temporary failures of the login.
    pub async fn run<T, F>(&self, job: F) -> Result<T, HashingError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| HashingError::Busy)?;
        // The semaphore is never closed, hence never an error here.
        let core = Arc::clone(&self.running).acquire_owned().await.map_err(|_| HashingError::Failed)?;
        tokio::task::spawn_blocking(move || {
            let _held_until_done = (admitted, core);
            job()
        })
        .await
        .map_err(|_| HashingError::Failed)
    }
}

impl Default for HashingPool {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a job has no result; the login may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashingError {
    /// As many jobs wait as are allowed to.
    Busy,
    /// The job did not come to its end.
    Failed,
}

impl fmt::Display for HashingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too many password hashes are waiting",
            Self::Failed => "the password hash was not finished",
        })
    }
}

impl std::error::Error for HashingError {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn pool(running: usize, waiting: usize) -> HashingPool {
        HashingPool::with_bounds(NonZero::new(running).unwrap(), waiting)
    }

    /// A job that runs until the returned sender is dropped.
    fn blocked() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (release, wait) = mpsc::channel::<()>();
        (release, move || {
            let _ = wait.recv();
        })
    }

    #[tokio::test]
    async fn a_job_returns_its_value() {
        assert_eq!(pool(1, 0).run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_the_failure_of_that_job_alone() {
        let pool = pool(1, 0);
        let panicking = || -> () { panic!("on purpose") };
        assert_eq!(pool.run(panicking).await, Err(HashingError::Failed));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let pool = pool(1, 1);
        let (release_first, first) = blocked();
        let (release_second, second) = blocked();
        let running = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(first).await }
        });
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(second).await }
        });
        while pool.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| ()).await, Err(HashingError::Busy));
        drop((release_first, release_second));
        assert_eq!(running.await.unwrap(), Ok(()));
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert_eq!(pool.run(|| ()).await, Ok(()));
    }

    #[tokio::test]
    async fn a_waiting_job_is_given_up_and_a_running_one_keeps_its_core() {
        let pool = pool(1, 1);
        let (release, job) = blocked();
        let running = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(job).await }
        });
        while pool.running.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let waited = tokio::time::timeout(Duration::from_millis(10), pool.run(|| ())).await;
        assert!(waited.is_err(), "the only core is taken");
        assert_eq!(pool.admitted.available_permits(), 1, "the waiting place is free again");

        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert_eq!(pool.running.available_permits(), 0, "still running");
        drop(release);
        assert_eq!(pool.run(|| ()).await, Ok(()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_jobs_run_at_once_than_allowed() {
        let pool = pool(2, 100);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs: Vec<_> = (0..50)
            .map(|_| {
                let (pool, now, most) = (pool.clone(), Arc::clone(&now), Arc::clone(&most));
                tokio::spawn(async move {
                    pool.run(move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(1));
                        now.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await
                })
            })
            .collect();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= 2);
    }
}
