//! Medians and other quantiles.

use std::time::Duration;

/// The value below which this share of the values lies (nearest rank); zero of none.
pub fn quantile(values: &[Duration], share: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
}

/// The middle value.
pub fn median(values: &[Duration]) -> Duration {
    quantile(values, 0.5)
}

/// In milliseconds, with the digits that mean something.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// In megabytes, with two digits.
pub fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1e4).round() / 1e2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        for (share, expected) in [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)] {
            assert_eq!(quantile(&values, share), Duration::from_millis(expected), "{share}");
        }
        assert_eq!(median(&values[..1]), Duration::from_millis(100));
        assert_eq!(median(&[]), Duration::ZERO);
    }

    #[test]
    fn figures_have_few_digits() {
        assert_eq!(milliseconds(Duration::from_nanos(1_234_567)), 1.235);
        assert_eq!(megabytes(3_954_321), 3.95);
    }
}
