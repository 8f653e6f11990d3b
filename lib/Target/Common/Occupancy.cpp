//===- Occupancy.cpp - how many blocks share a multiprocessor -------------===//

#include "fovea/Target/Common/Occupancy.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <limits>

using namespace fovea;

std::optional<Occupancy> fovea::getOccupancy(const DeviceChip &chip,
                                             const KernelInfo &kernel) {
  if (!kernel.registers) {
    return std::nullopt;
  }
  int64_t subgroups = llvm::divideCeil(kernel.threads, chip.lanes);
  // A subgroup lives on one part of the multiprocessor, with its registers.
  int64_t perPart = chip.threads / chip.lanes / chip.parts;
  int64_t file = chip.registers / chip.parts / chip.lanes;
  int64_t taken = llvm::alignTo(std::max<int64_t>(1, *kernel.registers),
                                chip.registerUnit);
  int64_t near = kernel.nearBytes + kernel.staticNearBytes;
  // Near memory that is reserved for each block counts even if it asks for
  // none.
  int64_t nearTaken = llvm::alignTo(near + chip.nearReserved, chip.nearUnit);
  struct Limit {
    llvm::StringRef what;
    int64_t blocks;
  };
  Limit limits[] = {
      {"registers", file / taken * chip.parts / subgroups},
      {"near memory", nearTaken == 0 ? std::numeric_limits<int64_t>::max()
                                     : chip.nearPerProcessor / nearTaken},
      {"threads", perPart * chip.parts / subgroups},
      {"blocks", chip.blocks},
  };
  const Limit *least = &limits[0];
  for (const Limit &limit : limits) {
    least = limit.blocks < least->blocks ? &limit : least;
  }
  Occupancy result;
  result.blocks = least->blocks;
  result.threads = result.blocks * kernel.threads;
  result.share = static_cast<double>(result.threads) / chip.threads;
  result.bound = least->what;
  return result;
}

std::string fovea::describeResources(const DeviceChip &chip,
                                     const DeviceCode &code) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (const KernelInfo &kernel : code.kernels) {
    int64_t near = kernel.nearBytes + kernel.staticNearBytes;
    stream << kernel.name << ": " << kernel.threads << " threads, ";
    std::optional<Occupancy> occupancy = getOccupancy(chip, kernel);
    if (!occupancy) {
      stream << near << " bytes near; registers unknown: " << code.remark
             << '\n';
      continue;
    }
    stream << *kernel.registers << " registers, "
           << kernel.spillBytes.value_or(0) << " bytes spilled, "
           << kernel.stackBytes.value_or(0) << " bytes of stack, " << near
           << " bytes near; " << occupancy->blocks
           << " blocks per multiprocessor, " << occupancy->threads << " of "
           << chip.threads << " threads ("
           << llvm::formatv("{0:F1}", 100 * occupancy->share)
           << "%), bound by " << occupancy->bound << '\n';
  }
  return text;
}
