//! The zone whose days are counted is decided once.

use chrono_tz::America::New_York;
use chrono_tz::{Europe, Tz, UTC};
use growth_db::{Db, query};
use growth_testkit::on_each_engine;
use growth_track::{Counting, Error, Settings, record};

use crate::samples::{counts, message, search, settings};

async fn stored(db: &Db) -> String {
    query(db, "SELECT value FROM settings WHERE key = 'timezone'").fetch_one::<(String,)>().await.unwrap().0
}

fn zoned(zone: Tz) -> Counting {
    Counting { time_zone: Some(zone), activation_event: None }
}

on_each_engine! {
    async fn the_first_batch_decides_the_time_zone(db: TestDb) {
        assert_eq!(stored(&db).await, "UTC");
        record(&db, &[search()], &settings()).await.unwrap();
        assert_eq!(stored(&db).await, "Europe/London");
        let before = counts(&db).await;
        let other = Settings { counting: zoned(New_York), ..settings() };
        let error = record(&db, &[message("m1")], &other).await.unwrap_err();
        assert!(matches!(&error, Error::TimeZone { stored, given } if stored == "Europe/London" && *given == New_York));
        assert_eq!(
            error.to_string(),
            "the database counts the days of Europe/London, not of America/New_York: \
             set the time zone Europe/London, or count all events again with \
             `growthctl migrate --rebuild --timezone America/New_York`"
        );
        assert_eq!((stored(&db).await.as_str(), counts(&db).await), ("Europe/London", before));
        record(&db, &[message("m1")], &settings()).await.unwrap();
    }

    async fn of_two_first_batches_in_different_zones_one_wins(db: TestDb) {
        let zones = [UTC, Europe::London, New_York, Europe::Paris];
        let tasks: Vec<_> = zones
            .into_iter()
            .map(|time_zone| {
                let (db, settings) = ((*db).clone(), Settings { counting: zoned(time_zone), ..settings() });
                tokio::spawn(async move { record(&db, &[search()], &settings).await })
            })
            .collect();
        let mut winners = Vec::new();
        for (zone, task) in zones.into_iter().zip(tasks) {
            match task.await.unwrap() {
                Ok(recorded) => winners.push((zone.name().to_owned(), recorded.stored)),
                Err(error) => assert!(matches!(error, Error::TimeZone { .. }), "{error}"),
            }
        }
        assert_eq!(winners, [(stored(&db).await, 1)]);
        assert_eq!(counts(&db).await[0], 1);
    }
}
