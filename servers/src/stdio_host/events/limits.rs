//! What fits through the doors.

use std::time::Duration;

/// Largest message that is taken, in bytes. Lambda itself takes events up to 6 MB; the official SDKs take messages up to 4 MB.
pub(super) const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// Messages in one batch.
pub(super) const LARGEST_BATCH: usize = 100;

/// Largest answer that Lambda passes on in one piece, in bytes.
/// Source: AWS Lambda developer guide, "Lambda quotas", invocation payload.
pub(super) const LARGEST_WHOLE: usize = 6 * 1024 * 1024;

/// Largest answer that Lambda passes on in parts, in bytes.
/// Source: AWS Lambda developer guide, "Response streaming for Lambda functions": 200 MB.
pub(super) const LARGEST_STREAM: usize = 200_000_000;

/// Kept free in a stream for the answer that says why there is no other.
pub(super) const RESERVE: usize = 64 * 1024;

/// Taken off Lambda's deadline for the hosted server, so that the answer still leaves in time.
pub(super) const MARGIN: Duration = Duration::from_millis(500);

/// Before Lambda's deadline an answer is written whatever is still going on.
pub(super) const LAST_MOMENT: Duration = Duration::from_millis(200);

/// Before Lambda's deadline an answer is given up that has not been taken, and the environment serves on.
pub(super) const TAKEN: Duration = Duration::from_millis(100);

/// How long a stream that broke may take to say so.
pub(super) const FAREWELL: Duration = Duration::from_millis(50);

/// Longest silence in a stream of events. Gateways and clients give up on a connection after 30 seconds or more.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

/// Health checkers wait about 5 seconds.
pub(super) const HEALTH: Duration = Duration::from_secs(4);
