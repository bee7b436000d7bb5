use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z; earlier times are negative.
///
/// The engine's clock makes one per call; everything below takes it as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// Makes a time of a date and time of day in UTC; `None` when they are not on the calendar.
    pub fn from_civil(year: u16, month: u8, day: u8, time: [u8; 3]) -> Option<Self> {
        let [hour, minute, second] = time;
        let in_range = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !in_range {
            return None;
        }
        // Years that begin in March put the leap day last; 719 468 days lie between the start of
        // year 0 so counted and 1970.
        let shifted_year = i64::from(year) - i64::from(month < 3);
        let shifted_month = (i64::from(month) + 9) % 12;
        let days = shifted_year * 365 + shifted_year.div_euclid(4) - shifted_year.div_euclid(100)
            + shifted_year.div_euclid(400)
            + (shifted_month * 153 + 2) / 5
            + i64::from(day)
            - 1
            - 719_468;
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Self(days * 86_400 + seconds))
    }

    /// Returns year, month, day and the time of day in UTC.
    pub fn civil(self) -> (i64, u8, u8, [u8; 3]) {
        let small = |value: i64| u8::try_from(value).unwrap_or_default();
        let days = self.0.div_euclid(86_400) + 719_468;
        let seconds = self.0.rem_euclid(86_400);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = era * 400 + year_of_era + i64::from(month < 3);
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let time = [
            small(seconds / 3600),
            small(seconds / 60 % 60),
            small(seconds % 60),
        ];
        (year, small(month), small(day), time)
    }
}

/// RFC 3339 in UTC, to the second.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, [hour, minute, second]) = self.civil();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_seconds_and_come_back() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2019-05-01T12:00:00Z", 1_556_712_000),
            ("1950-01-01T00:00:00Z", -631_152_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), text);
            let (year, month, day, time) = UnixTime(seconds).civil();
            let year = u16::try_from(year).unwrap();
            assert_eq!(
                UnixTime::from_civil(year, month, day, time),
                Some(UnixTime(seconds))
            );
        }
    }

    #[test]
    fn days_that_are_not_on_the_calendar_are_refused() {
        for (year, month, day, time) in [
            (2023, 2, 29, [0, 0, 0]),
            (1900, 2, 29, [0, 0, 0]),
            (2024, 4, 31, [0, 0, 0]),
            (2024, 13, 1, [0, 0, 0]),
            (2024, 0, 1, [0, 0, 0]),
            (2024, 1, 0, [0, 0, 0]),
            (2024, 1, 1, [24, 0, 0]),
            (2024, 1, 1, [0, 60, 0]),
            (2024, 1, 1, [0, 0, 60]),
        ] {
            assert_eq!(UnixTime::from_civil(year, month, day, time), None);
        }
    }
}
