//! Both engines accept every statement, and agree on its columns and parameters.

#[test]
fn statements_prepare_alike() {
    growth_testkit::block_on(growth_testkit::assert_prepared_alike(growth_resolver::statements));
}
