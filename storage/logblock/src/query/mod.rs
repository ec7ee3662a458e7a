//! A filter on the columns of a block.

mod column;
mod count;
mod eval;
mod message;
mod plan;
mod records;
mod rows;

pub use column::{Rest, Texts, unexpected};
pub use eval::{Granule, covers, overlaps};
pub use plan::{Place, Plan};
pub use records::{FieldValues, read_records, read_selected, sort_fields};
pub use rows::RowSet;
