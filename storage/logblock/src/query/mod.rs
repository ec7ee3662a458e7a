//! A filter on the columns of a block.

mod column;
mod eval;
mod plan;
mod records;
mod rows;

pub use column::{Rest, Texts, unexpected};
pub use eval::{Granule, covers, overlaps};
pub use plan::{Place, Plan};
pub use records::{FieldValues, read_records, sort_fields};
pub use rows::RowSet;
