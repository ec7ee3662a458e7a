//! `/api/v1/format_query` and `/api/v1/parse_query`: what an expression says, without evaluating it.

use super::envelope::Success;
use crate::Api;
use crate::error::PromError;
use crate::params::Params;
use axum::extract::State;
use serde_json::Value;
use std::sync::Arc;
use watchfire_promql::Expr;

/// `GET|POST /api/v1/format_query?query=`: the expression over several lines where it is long.
pub(super) async fn format_query(State(api): State<Arc<Api>>, params: Params) -> Result<Success<String>, PromError> {
    let text =
        api.workers.run(None, move |_| expression(&params).map(|expr| watchfire_promql::pretty(&expr))).await??;
    Ok(Success::new(text))
}

/// `GET|POST /api/v1/parse_query?query=`: the syntax tree.
pub(super) async fn parse_query(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Value>, PromError> {
    let tree = move |_: &_| expression(&params).map(|expr| watchfire_promql::syntax_tree(&expr));
    Ok(Success::new(api.workers.run(None, tree).await??))
}

/// The expression in parameter `query`.
pub(super) fn expression(params: &Params) -> Result<Expr, PromError> {
    let expr = watchfire_promql::parse(params.get("query").unwrap_or_default());
    expr.map_err(|error| PromError::bad_query("query", &error))
}
