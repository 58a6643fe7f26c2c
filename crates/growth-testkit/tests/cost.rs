//! temp
use std::time::Instant; use sqlx::{Connection,Row,AssertSqlSafe,PgConnection};
#[test] fn cost() { growth_testkit::block_on(async { drop(growth_testkit::postgres().await);
  let url=std::env::var("GROWTHCTL_TEST_POSTGRES_URL").unwrap();
  let mut c=PgConnection::connect(&url).await.unwrap();
  let tpl:String=sqlx::query("SELECT datname::text FROM pg_database WHERE datname LIKE 'growth_template%'").fetch_one(&mut c).await.unwrap().get(0);
  for how in ["WAL_LOG","FILE_COPY"] { for i in 0..8 { 
    let t=Instant::now(); let mut a=PgConnection::connect(&url).await.unwrap(); let t1=t.elapsed();
    let t=Instant::now(); sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE x{how}{i} TEMPLATE {tpl} STRATEGY {how}"))).execute(&mut a).await.unwrap(); let t2=t.elapsed();
    let t=Instant::now(); a.close().await.unwrap(); let t3=t.elapsed();
    let u=url.replace("/postgres",&format!("/x{}{i}",how.to_lowercase())).replace("growth_","x"); let u=u.replacen("x","x",1);
    let u=u.replace("postgres:///","postgres:/");
    let u=format!("{}/x{}{i}", url.trim_end_matches("/postgres"), how.to_lowercase());
    let t=Instant::now(); let db=growth_db::Db::connect(&u).await.unwrap(); let t4=t.elapsed();
    let t=Instant::now(); db.close().await; let t5=t.elapsed();
    let t=Instant::now(); while sqlx::query("SELECT FROM pg_stat_activity WHERE datname = $1 LIMIT 1").bind(format!("x{}{i}",how.to_lowercase())).fetch_optional(&mut c).await.unwrap().is_some() { tokio::time::sleep(std::time::Duration::from_millis(1)).await; } let t6=t.elapsed();
    let t=Instant::now(); sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE x{how}{i}"))).execute(&mut c).await.unwrap(); let t7=t.elapsed();
    println!("{how} admin {t1:?} create {t2:?} close {t3:?} open {t4:?} close {t5:?} wait {t6:?} drop {t7:?}");
  }}
}); }
