//===- fovea-opt.cpp - run passes and pipelines on MLIR text --------------===//

#include "fovea/Pipelines/Pipelines.h"
#include "fovea/Target/Target.h"
#include "fovea/Tuning/Passes.h"
#include "fovea/dialects/Attn/Attn.h"
#include "fovea/dialects/Cascade/Cascade.h"
#include "fovea/dialects/Tile/Tile.h"
#include "fovea/passes/AttnToCascade/Passes.h"
#include "fovea/passes/Cascade/Passes.h"
#include "fovea/passes/CascadeToTile/Passes.h"
#include "fovea/passes/TileToLanes/Passes.h"
#include "fovea/passes/TileToVector/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<fovea::attn::AttnDialect>();
  registry.insert<fovea::cascade::CascadeDialect, fovea::tile::TileDialect>();
  fovea::registerAttnToCascadePasses();
  fovea::cascade::registerCascadePasses();
  fovea::registerCascadeToTilePasses();
  fovea::registerTileToLanesPasses();
  fovea::registerTileToVectorPasses();
  mlir::registerAllPasses();
  fovea::registerTargetPasses();
  fovea::registerTuningPasses();
  fovea::registerPipelines();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Fovea optimizer\n", registry));
}
