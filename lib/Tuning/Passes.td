//===- Passes.td - tuned schedules in a program ---------------------------===//

#ifndef FOVEA_TUNING_PASSES_TD
#define FOVEA_TUNING_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApplyTuningPass : Pass<"fovea-apply-tuning", "::mlir::ModuleOp"> {
  let summary = "set schedules: the target's, and measured ones in their place";
  let description = [{
    Runs the target's schedule pass, then looks each function that had no
    schedule up in the database of fovea-tune (docs/tuning.md). A remark says
    which schedules were found, and what they gained when they were measured. An
    entry that is no schedule, or not one of the target, is left out with a
    warning. Runs at the fold level.

    With an entry for calls of at most 8 rows:

    ```mlir
    func.func @attention(...)
    // becomes
    func.func @attention(...) attributes {
      tile.few_rows = [#tile.schedule<rows = 4, ...>,   // the target's
                       #tile.schedule<rows = 8, ...>],  // the entry's
      tile.schedule = #tile.schedule<rows = 128, ...>}  // the target's
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"cpu\"",
           "The target, such as cpu">,
    Option<"database", "database", "std::string", /*default=*/"\"\"",
           "The file of tuned schedules, none, or the default if empty">
  ];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def ChooseFormPass : Pass<"fovea-choose-form", "::mlir::ModuleOp"> {
  let summary = "choose between one fused walk and several with memory between";
  let description = [{
    Sets `cascade.form` on each function whose cascade walks a rank more than
    once, for `fovea-derive-fold` to obey. With `form=auto` the cost model
    (include/fovea/Tuning/CostModel.h) estimates both for two calls, many rows
    and few, and the cheaper one by the geometric mean is chosen; a remark
    gives the estimates. Functions that have the attribute keep it. Runs before
    `fovea-derive-fold`.

    ```mlir
    func.func @attention(...)   // three passes
    // becomes
    func.func @attention(...) attributes {cascade.form = "fused"}
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"cpu\"",
           "The target, such as cpu">,
    Option<"form", "form", "std::string", /*default=*/"\"auto\"",
           "auto, fused or decomposed">
  ];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

#endif
