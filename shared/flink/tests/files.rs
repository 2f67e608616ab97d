//! State on the local disk, and URLs that lead nowhere.

use control::ports::{Child, Files, OutsideError};
use flink::local_files::{AnyFiles, LocalFiles};

#[tokio::test]
async fn directories_are_listed_one_level_deep_and_files_read_from_their_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("a b%20c");
    std::fs::create_dir_all(root.join("chk-1/deep")).expect("directories");
    std::fs::write(root.join("_metadata"), b"0123456789").expect("a file");
    std::os::unix::fs::symlink("/nowhere", root.join("dangling")).expect("a link");
    for url in [format!("file:{}", root.display()), format!("file://{}/", root.display())] {
        let children = LocalFiles.children(&url).await.expect("listed");
        assert_eq!(children, [Child::Directory("chk-1".into()), Child::File("_metadata".into())], "{url}");
    }
    let file = format!("file:{}/_metadata", root.display());
    assert_eq!(LocalFiles.head(&file, 4).await.expect("read"), Some(b"0123".to_vec()));
    assert_eq!(LocalFiles.head(&file, 40).await.expect("read"), Some(b"0123456789".to_vec()));
    assert_eq!(LocalFiles.head(&format!("{file}x"), 4).await.expect("read"), None);
    assert_eq!(LocalFiles.children("file:/nowhere/at/all").await.expect("listed"), []);
    assert!(LocalFiles.head(&format!("file:{}/chk-1", root.display()), 4).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let files = AnyFiles::new(None);
    for (url, said) in [
        ("hdfs://nn/x", "`hdfs` is not supported"),
        ("/x", "`` is not supported"),
        ("s3://b/k", "no access to S3"),
        ("file://host/x", "not a file: URL"),
        ("file:x", "not a file: URL"),
    ] {
        let error = files.children(url).await.expect_err(url);
        assert!(matches!(&error, OutsideError::Refused { .. }) && error.to_string().contains(said), "{error}");
        assert!(error.to_string().contains(url), "{error}");
    }
    assert_eq!(files.children("file:/nowhere").await.expect("listed"), []);
}
