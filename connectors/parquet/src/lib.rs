//! weir-parquet
