//! temp
#[tokio::main]
async fn main() {
    let stack = local::Stack::start(local::StackConfig { bucket: "bucket".into(), ..Default::default() }).await.unwrap();
    println!("{}", stack.s3_url());
    tokio::time::sleep(std::time::Duration::from_secs(90)).await;
    for c in stack.calls() { println!("{} {}", c.operation, c.resource); }
}
