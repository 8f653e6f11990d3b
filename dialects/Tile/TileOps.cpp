//===- TileOps.cpp - the tile operations ----------------------------------===//

#include "fovea/dialects/Tile/TileOps.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "fovea/dialects/Tile/TileOps.cpp.inc"
