//! Which of a project's folders and files belong to a plan and a deployment.
//! Must not know what is planned for each job.

use super::*;

/// A folder inside of `queries` is one of manifests, whatever it is called.
#[tokio::test(flavor = "multi_thread")]
async fn folders_inside_of_queries_are_called_as_people_like() {
    let bench = Bench::start().await;
    bench.deployed().await;
    let text = fs::read_to_string(bench.file(QUERY)).unwrap();
    for (path, name) in [("queries/team/queries/inner.yaml", "inner"), ("queries/config/other.yaml", "other")] {
        fs::create_dir_all(bench.file(path).parent().unwrap()).unwrap();
        fs::write(bench.file(path), text.replace("filter-expensive-items", name)).unwrap();
    }
    fs::create_dir_all(bench.file("queries/config/tables")).unwrap();
    for path in ["queries/team", "queries/team/queries"] {
        let plan = bench.json(&["plan", path, "--prune"], 0).await;
        let jobs: Vec<&str> =
            plan["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
        assert_eq!(jobs, ["inner"], "{path}");
    }
    let (said, _) = bench.run(&["plan", ".", "--prune"], 0).await;
    assert!(said.contains("2 new, 4 unchanged"), "{said}");
    bench.run(&["deploy", "queries/config/other.yaml"], 0).await;
    let (uploaded, wrong) = (bench.objects().await, format!("{PREFIX}queries/other.yaml"));
    assert!(uploaded.contains_key(&format!("{PREFIX}queries/config/other.yaml")) && !uploaded.contains_key(&wrong));
    bench.stack.shutdown().await;
}

/// Where only manifests are at hand, the rest is what is uploaded; nobody calls wrong what the job template there may say.
#[tokio::test(flavor = "multi_thread")]
async fn manifests_alone_are_planned_and_deployed() {
    let bench = Bench::start().await;
    bench.deployed().await;
    fs::remove_dir_all(bench.file("config")).unwrap();
    bench.edit(QUERY, "SELECT", "SELECT DISTINCT");
    bench.run(&["plan", QUERY, "--exit-code"], 4).await;
    let (_, aside) = bench.run(&["validate", "queries"], 0).await;
    assert!(aside.contains("whether the job template says where states lie is not checked"), "{aside}");
    let (said, _) = bench.run(&["deploy", "queries"], 0).await;
    assert!(said.contains("uploaded"), "{said}");
    bench.stack.shutdown().await;
}
