//===- TileOps.h - the schedule level: operations ---------------*- C++ -*-===//

#ifndef FOVEA_DIALECTS_TILE_TILEOPS_H
#define FOVEA_DIALECTS_TILE_TILEOPS_H

#include "fovea/dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "fovea/dialects/Tile/TileOps.h.inc"

#endif // FOVEA_DIALECTS_TILE_TILEOPS_H
