//===- Devices.cpp - a call whose tasks run on a device -------------------===//

#include "Devices.h"

#include "fovea/Support/HostArray.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cstring>

using namespace fovea;

static llvm::Error lastError() {
  return llvm::createStringError(fovea_rt_last_error());
}

namespace {

/// The arguments of one call, in memory of a device.
class DeviceArguments {
public:
  explicit DeviceArguments(fovea_device *device) : device(device) {}
  ~DeviceArguments() {
    for (const fovea_tensor &tensor : tensors) {
      fovea_device_free(device, tensor.data);
    }
  }

  llvm::Error copyIn(llvm::ArrayRef<fovea_tensor> host) {
    for (fovea_tensor tensor : host) {
      int64_t bytes = getNumBytes(tensor);
      void *memory = fovea_device_alloc(device, bytes);
      if (!memory) {
        return lastError();
      }
      const void *from = tensor.data;
      tensor.data = memory;
      tensors.push_back(tensor);
      if (fovea_device_copy_in(device, memory, from, bytes, nullptr) != 0) {
        return lastError();
      }
    }
    return llvm::Error::success();
  }

  llvm::ArrayRef<fovea_tensor> get() const { return tensors; }

private:
  fovea_device *device;
  std::vector<fovea_tensor> tensors;
};

} // namespace

/// Milliseconds of each of `repeats` runs.
static llvm::Expected<std::vector<double>>
time(Executable &program, const Entry &entry, fovea_device *device,
     llvm::ArrayRef<fovea_tensor> arguments, int repeats) {
  fovea_event *begin = fovea_event_open(device);
  fovea_event *end = fovea_event_open(device);
  llvm::scope_exit close([&] {
    fovea_event_close(begin);
    fovea_event_close(end);
  });
  if (!begin || !end) {
    return lastError();
  }
  std::vector<double> times(repeats);
  for (double &milliseconds : times) {
    if (fovea_event_record(begin, nullptr) != 0) {
      return lastError();
    }
    if (llvm::Error e = program.run(entry.name, arguments)) {
      return e;
    }
    if (fovea_event_record(end, nullptr) != 0 ||
        fovea_event_elapsed(begin, end, &milliseconds) != 0) {
      return lastError();
    }
  }
  return times;
}

static llvm::Error runOnDevice(Executable &program, const Entry &entry,
                               llvm::ArrayRef<fovea_tensor> arguments,
                               size_t numInputs, const std::string &name,
                               std::vector<std::vector<char>> &results,
                               int repeats) {
  fovea_device *device = fovea_device_open(name.c_str());
  if (!device) {
    return lastError();
  }
  llvm::scope_exit close([&] { fovea_device_close(device); });
  llvm::Expected<fovea_module *> module = program.loadOn(device);
  if (!module) {
    return module.takeError();
  }
  llvm::scope_exit unload([&] { fovea_module_close(*module); });
  fovea_rt_bind(*module, nullptr);
  DeviceArguments there(device);
  if (llvm::Error e = there.copyIn(arguments)) {
    return e;
  }
  if (llvm::Error e = program.run(entry.name, there.get())) {
    return e;
  }
  if (fovea_device_synchronize(device, nullptr) != 0) {
    return lastError();
  }
  for (const fovea_tensor &tensor : there.get().drop_front(numInputs)) {
    std::vector<char> bytes(getNumBytes(tensor));
    if (fovea_device_copy_out(device, bytes.data(), tensor.data, bytes.size(),
                              nullptr) != 0) {
      return lastError();
    }
    results.push_back(std::move(bytes));
  }
  if (repeats == 0) {
    return llvm::Error::success();
  }
  auto times = time(program, entry, device, there.get(), repeats);
  if (!times) {
    return times.takeError();
  }
  std::sort(times->begin(), times->end());
  llvm::outs() << name << ": median "
               << llvm::format("%.4g", (*times)[times->size() / 2])
               << " ms of " << repeats << " runs, fastest "
               << llvm::format("%.4g", times->front()) << ", slowest "
               << llvm::format("%.4g", times->back()) << '\n';
  return llvm::Error::success();
}

llvm::Error fovea::runOnDevices(Executable &program, const Entry &entry,
                                llvm::ArrayRef<fovea_tensor> arguments,
                                size_t numInputs,
                                llvm::ArrayRef<std::string> devices,
                                int repeats) {
  std::vector<std::vector<char>> first;
  for (const std::string &name : devices) {
    std::vector<std::vector<char>> results;
    if (llvm::Error e = runOnDevice(program, entry, arguments, numInputs, name,
                                    results, repeats)) {
      std::string text = toString(std::move(e));
      // Drivers name themselves.
      llvm::StringRef driver = llvm::StringRef(name).split(':').first;
      bool isNamed = llvm::StringRef(text).starts_with(driver.str() + ":");
      return llvm::createStringError(isNamed ? text : name + ": " + text);
    }
    if (first.empty()) {
      first = std::move(results);
      continue;
    }
    for (auto [i, bytes] : llvm::enumerate(results)) {
      if (bytes != first[i]) {
        return llvm::createStringError(
            name + ": expected the bits of " + devices.front() + " in output " +
            llvm::Twine(i).str() + ", got others: the result depends on the "
            "order in which lanes run");
      }
    }
  }
  for (auto [bytes, tensor] :
       llvm::zip_equal(first, arguments.drop_front(numInputs))) {
    std::memcpy(tensor.data, bytes.data(), bytes.size());
  }
  return llvm::Error::success();
}
