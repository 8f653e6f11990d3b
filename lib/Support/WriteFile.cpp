//===- WriteFile.cpp - Files that are complete or not there ---------------===//

#include "fovea/Support/WriteFile.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

static llvm::Error makeError(llvm::StringRef path, const llvm::Twine &why) {
  return llvm::createStringError("'" + path + "': cannot be written: " + why);
}

llvm::Error fovea::writeFile(llvm::StringRef path,
                             llvm::ArrayRef<llvm::StringRef> parts) {
  // A rename would replace a device or a pipe by a file; a folder it cannot.
  llvm::sys::fs::file_status status;
  if (!llvm::sys::fs::status(path, status) && llvm::sys::fs::exists(status) &&
      !llvm::sys::fs::is_regular_file(status)) {
    return makeError(path, "not a regular file");
  }
  llvm::Expected<llvm::sys::fs::TempFile> file =
      llvm::sys::fs::TempFile::create(path + ".tmp-%%%%%%%%");
  if (!file) {
    return makeError(path, llvm::toString(file.takeError()));
  }
  std::error_code writing;
  {
    llvm::raw_fd_ostream stream(file->FD, /*shouldClose=*/false);
    for (llvm::StringRef part : parts) {
      stream << part;
    }
    stream.flush();
    writing = stream.error();
    stream.clear_error(); // Reported below; the destructor would abort.
  }
  if (writing) {
    llvm::consumeError(file->discard());
    return makeError(path, writing.message());
  }
  // Not TempFile::keep(path): where it cannot rename, it copies, and a copy can
  // be cut short.
  if (std::error_code code = llvm::sys::fs::rename(file->TmpName, path)) {
    llvm::consumeError(file->discard());
    return makeError(path, code.message());
  }
  return file->keep();
}
