//! The time of day and of the calendar, and its text form (XEP-0082, the profile `DateTime`).

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use super::Instant;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A point in time in UTC: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted, in the years 1 to 9999.
///
/// Its text form is that of XEP-0082, in UTC, with three or six decimals of a second if there are any. Every value can be written, and reads
/// back as itself.
///
/// ```
/// use xmpp_core::time::UtcTime;
///
/// let houston: UtcTime = "1969-07-20T21:56:15-05:00".parse()?;
/// assert_eq!(houston.to_string(), "1969-07-21T02:56:15Z");
/// assert_eq!(houston.as_micros(), -14_159_025_000_000);
/// # Ok::<(), xmpp_core::time::InvalidTime>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(i64);

impl UtcTime {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: UtcTime = UtcTime(0);
    /// 0001-01-01T00:00:00Z.
    pub const MIN: UtcTime = UtcTime(days(1, 1, 1) * DAY);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: UtcTime = UtcTime(days(10_000, 1, 1) * DAY - 1);

    /// That many microseconds after the start of 1970, or before it; saturates at [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            UtcTime(micros)
        }
    }

    /// Microseconds since the start of 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: UtcTime) -> Duration {
        // Both are within the years above, so the difference fits.
        let micros = self.0 - earlier.0;
        if micros > 0 { Duration::from_micros(micros.unsigned_abs()) } else { Duration::ZERO }
    }

    /// The time that it is at `now`, if it is this time at [`Instant::ZERO`].
    #[must_use]
    pub fn at(self, now: Instant) -> UtcTime {
        self + now.since(Instant::ZERO)
    }
}

impl core::ops::Add<Duration> for UtcTime {
    type Output = UtcTime;

    /// Saturates at [`UtcTime::MAX`].
    fn add(self, duration: Duration) -> UtcTime {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        UtcTime::from_micros(self.0.saturating_add(micros))
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let time = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (time / HOUR, time % HOUR / MINUTE, time % MINUTE / SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match time % SECOND {
            0 => {}
            micros if micros % 1_000 == 0 => write!(f, ".{:03}", micros / 1_000)?,
            micros => write!(f, ".{micros:06}")?,
        }
        f.write_str("Z")
    }
}

impl FromStr for UtcTime {
    type Err = InvalidTime;

    /// Reads a `DateTime` of XEP-0082, whatever its offset from UTC. Decimals of a second after the sixth are cut off.
    ///
    /// As in XML Schema, which the XEP builds on, 24:00:00 is the end of a day, there are no leap seconds, and offsets end at 14:00.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let mut rest = Rest(text.as_bytes());
        let (year, month, day) = (rest.number(4)?, rest.after(b'-')?, rest.after(b'-')?);
        if year < 1 || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
            return Err(InvalidTime);
        }
        rest.skip(b'T')?;
        let (hour, minute, second) = (rest.number(2)?, rest.after(b':')?, rest.after(b':')?);
        let time = hour * HOUR + minute * MINUTE + second * SECOND + rest.fraction()?;
        if minute > 59 || second > 59 || time > DAY {
            return Err(InvalidTime);
        }
        let micros = days(year, month, day) * DAY + time - rest.offset()?;
        match UtcTime::from_micros(micros) {
            time if time.0 == micros && rest.0.is_empty() => Ok(time),
            _ => Err(InvalidTime),
        }
    }
}

/// A text that is no `DateTime` of XEP-0082, or one outside the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTime;

impl fmt::Display for InvalidTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a date and time as XEP-0082 has them")
    }
}

impl core::error::Error for InvalidTime {}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, byte: u8) -> Result<(), InvalidTime> {
        if self.next() == Some(byte) { Ok(()) } else { Err(InvalidTime) }
    }

    fn digit(&mut self) -> Option<i64> {
        let digit = *self.0.first().filter(|byte| byte.is_ascii_digit())?;
        self.next();
        Some(i64::from(digit - b'0'))
    }

    fn number(&mut self, digits: usize) -> Result<i64, InvalidTime> {
        (0..digits).try_fold(0, |number, _| Ok(number * 10 + self.digit().ok_or(InvalidTime)?))
    }

    /// Two digits behind that separator.
    fn after(&mut self, separator: u8) -> Result<i64, InvalidTime> {
        self.skip(separator)?;
        self.number(2)
    }

    /// Decimals of a second, in microseconds.
    fn fraction(&mut self) -> Result<i64, InvalidTime> {
        if self.0.first() != Some(&b'.') {
            return Ok(0);
        }
        self.next();
        let mut worth = SECOND / 10;
        let mut micros = self.digit().ok_or(InvalidTime)? * worth;
        while let Some(digit) = self.digit() {
            worth /= 10;
            micros += digit * worth;
        }
        Ok(micros)
    }

    /// How far the clock is ahead of UTC.
    fn offset(&mut self) -> Result<i64, InvalidTime> {
        let sign = match self.next() {
            Some(b'Z') => return Ok(0),
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(InvalidTime),
        };
        let (hour, minute) = (self.number(2)?, self.after(b':')?);
        let offset = hour * HOUR + minute * MINUTE;
        if minute > 59 || offset > 14 * HOUR {
            return Err(InvalidTime);
        }
        Ok(sign * offset)
    }
}

/// Days from 1970-01-01 to that day of the Gregorian calendar.
///
/// Years are counted from March on here, so that the day that comes and goes is the last one, in cycles of 400 years, which are
/// of one length.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let cycle = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
}

/// The year, month and day that many days after 1970-01-01: the inverse of [`days`].
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + cycle * 400;
    (if month > 2 { year } else { year + 1 }, month, day)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    fn read(text: &str) -> UtcTime {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_examples_of_the_xep() {
        // XEP-0082, examples 2 and 3.
        let moon = read("1969-07-21T02:56:15Z");
        assert_eq!(moon.to_string(), "1969-07-21T02:56:15Z");
        assert_eq!(read("1969-07-20T21:56:15-05:00"), moon);
        // Example 1 as a moment.
        assert_eq!(read("1776-07-04T00:00:00Z").to_string(), "1776-07-04T00:00:00Z");
    }

    #[test]
    fn every_value_reads_back_as_itself() {
        assert_eq!(UtcTime::MIN.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(UtcTime::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(
            (UtcTime::from_micros(i64::MIN), UtcTime::from_micros(i64::MAX)),
            (UtcTime::MIN, UtcTime::MAX)
        );
        // Days of every month and of every year, at times of their own.
        let mut time = UtcTime::MIN;
        while time < UtcTime::MAX {
            assert_eq!(read(&time.to_string()), time);
            time = time + Duration::from_micros(13 * 86_400_000_000 + 1_234_567);
        }
        for (micros, text) in
            [(0, ""), (1, ".000001"), (1_000, ".001"), (999_999, ".999999"), (250_000, ".250")]
        {
            assert_eq!(UtcTime::from_micros(micros).to_string(), format!("1970-01-01T00:00:00{text}Z"));
        }
    }

    #[test]
    fn the_calendar() {
        for (text, seconds) in [
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-11-22T23:59:59Z", 1_795_391_999),
            ("1970-01-01T00:00:00+14:00", -50_400),
            ("1970-01-01T24:00:00Z", 86_400),
            ("1970-01-01T00:00:00-00:00", 0),
        ] {
            assert_eq!(read(text).as_micros(), seconds * SECOND, "{text}");
        }
        assert_eq!(read("1970-01-01T00:00:00.1234569Z").as_micros(), 123_456);
        assert_eq!(read("1970-01-01T00:00:00.5Z").as_micros(), 500_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "1969-07-21",
            "1969-07-21T02:56:15",
            "1969-07-21t02:56:15Z",
            "1969-07-21 02:56:15Z",
            "1969-07-21T02:56:15z",
            "1969-07-21T02:56Z",
            "1969-07-21T02:56:15.Z",
            "1969-07-21T02:56:15Z ",
            " 1969-07-21T02:56:15Z",
            "+1969-07-21T02:56:15Z",
            "69-07-21T02:56:15Z",
            "19690721T02:56:15",
            "1969-7-21T02:56:15Z",
            "1969-00-21T02:56:15Z",
            "1969-13-21T02:56:15Z",
            "1969-07-00T02:56:15Z",
            "1969-04-31T02:56:15Z",
            "1900-02-29T02:56:15Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "1969-07-21T24:00:01Z",
            "1969-07-21T24:00:00.000001Z",
            "1969-07-21T25:00:00Z",
            "1969-07-21T02:60:15Z",
            "1969-07-21T02:56:60Z",
            "1969-07-21T02:56:15+14:01",
            "1969-07-21T02:56:15+15:00",
            "1969-07-21T02:56:15+01:60",
            "1969-07-21T02:56:15+0100",
            "1969-07-21T02:56:15+01",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T24:00:00Z",
            "1969-07-21T02:56:1\u{0665}Z",
        ] {
            assert_eq!(text.parse::<UtcTime>(), Err(InvalidTime), "{text}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UtcTime::MAX + Duration::from_micros(1), UtcTime::MAX);
        assert_eq!(UtcTime::MIN + Duration::MAX, UtcTime::MAX);
        assert_eq!(UtcTime::MIN.since(UtcTime::MAX), Duration::ZERO);
        assert_eq!(UtcTime::MIN + UtcTime::MAX.since(UtcTime::MIN), UtcTime::MAX);
        let later = UtcTime::UNIX_EPOCH.at(Instant::from_micros(1_500_000));
        assert_eq!(later.to_string(), "1970-01-01T00:00:01.500Z");
    }
}
