pub(crate) use growth_testkit::histories::{Plan, beginning, plans, play, users};
