//! One function for each parser of the pure core: reads any bytes as the product reads them, and goes on with what was
//! read as the product does. Must not know where the bytes come from.

pub mod documents;
pub mod edits;
pub mod sql;
pub mod uploads;
