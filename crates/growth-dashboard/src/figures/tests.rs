use chrono_tz::Tz;
use futures_util::future::join_all;
use growth_testkit::{on_each_engine, until};

use super::*;

fn figures(db: &Db, change: impl FnOnce(&mut Settings)) -> Figures {
    let end = "2026-07-01T12:00:00Z".parse().unwrap();
    let mut settings = Settings::new(Request::of(end, 30, Tz::UTC).unwrap());
    change(&mut settings);
    Figures::new(db.clone(), settings, Arc::new(move || end))
}

fn days(days: u32) -> Asked {
    Asked { days, ..Asked::default() }
}

on_each_engine! {
    async fn all_who_ask_at_once_are_shown_what_was_counted_once(db: TestDb) {
        let figures = figures(&db, |settings| settings.fresh_for = Duration::ZERO);
        let asked = days(30);
        let shown = join_all((0..32).map(|_| figures.recent(&asked))).await;
        let first = shown[0].clone().unwrap();
        assert!(shown.iter().all(|one| Arc::ptr_eq(one.as_ref().unwrap(), &first)));
        // Another question is counted by itself.
        let other = figures.recent(&days(7)).await.unwrap();
        assert_eq!((first.snapshot.header.days, other.snapshot.header.days), (30, 7));
    }

    async fn figures_are_shown_again_while_they_are_fresh_and_not_to_whoever_wants_new_ones(db: TestDb) {
        let patient = figures(&db, |settings| settings.fresh_for = Duration::from_hours(1));
        let first = patient.recent(&days(30)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &patient.recent(&days(30)).await.unwrap()));
        let anew = patient.new_ones(&days(30)).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &anew));
        assert!(Arc::ptr_eq(&anew, &patient.recent(&days(30)).await.unwrap()));
    }

    async fn what_somebody_began_earlier_is_too_old_for_whoever_wants_new_ones(db: TestDb) {
        let figures = figures(&db, |settings| settings.fresh_for = Duration::from_hours(1));
        // Both are under way at once, the second one wants what was stored when it was asked.
        let asked = days(30);
        let (earlier, later) = tokio::join!(figures.recent(&asked), async {
            let asked_at = Instant::now();
            (asked_at, figures.new_ones(&asked).await.unwrap())
        });
        let (asked_at, later) = later;
        assert!(later.began >= asked_at);
        assert!(!Arc::ptr_eq(&earlier.unwrap(), &later));
    }

    async fn counting_goes_on_when_whoever_asked_is_gone(db: TestDb) {
        let figures = figures(&db, |settings| settings.fresh_for = Duration::from_hours(1));
        let began = Instant::now();
        let asked = days(90);
        assert!(timeout(Duration::ZERO, figures.recent(&asked)).await.is_err());
        // It is found as it was begun then, by whoever does not want it anew.
        until("it is counted", async || {
            let places = figures.places.lock().unwrap();
            places.get(&asked)?.latest.clone()
        })
        .await;
        let found = figures.recent(&asked).await.unwrap();
        assert!(found.began >= began && found.began.elapsed() < Duration::from_hours(1));
    }

    async fn what_takes_too_long_is_told(db: TestDb) {
        let figures = figures(&db, |settings| settings.patience = Duration::ZERO);
        assert_eq!(figures.recent(&days(30)).await.err(), Some(Trouble::TooSlow));
        let page = PaymentsPage { limit: 5, after: None };
        assert_eq!(figures.payments(&days(30), &page).await.err(), Some(Trouble::TooSlow));
    }

    async fn answers_that_are_kept_are_bounded(db: TestDb) {
        let figures = figures(&db, |_| {});
        for number in 0..u8::try_from(KEPT).unwrap() + 8 {
            let currency = String::from_utf8(vec![b'a' + number / 26, b'a' + number % 26, b'x']).unwrap();
            figures.recent(&Asked { currency: Some(currency), ..days(7) }).await.unwrap();
        }
        assert!(figures.places.lock().unwrap().len() <= KEPT);
    }

    async fn a_database_of_another_zone_is_told_to_whoever_sees_to_the_settings(db: TestDb) {
        let event = growth_track::Event { user: Some("ann".to_owned()), ..growth_track::Event::new("page_load", "2026-06-30T12:00:00Z".parse().unwrap()) };
        let counting = growth_track::Counting { time_zone: Some(Tz::Asia__Tokyo), activation_event: None };
        let settings = growth_track::Settings { counting, ..growth_track::Settings::new("2026-07-01T12:00:00Z".parse().unwrap()) };
        growth_track::record(&db, &[event], &settings).await.unwrap();
        let other = figures(&db, |settings| settings.time_zone = Some(Tz::Europe__London));
        let Err(Trouble::Settings(words)) = other.recent(&days(7)).await else { panic!() };
        assert!(words.contains("Asia/Tokyo") && words.contains("Europe/London"), "{words}");
        // Without a zone in the settings it is that of the database.
        let own = figures(&db, |_| {});
        assert_eq!(own.recent(&days(7)).await.unwrap().snapshot.header.time_zone, "Asia/Tokyo");
    }
}
