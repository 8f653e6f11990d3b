/*===- fovea_artefact.h - the bytes of a .fovea file ----------------------===*
 *
 * The header and the table of sections as they lie in the file, for tools that
 * read or write one. All numbers are little-endian. docs/artefact.md describes
 * the rest; fovea_program.h is what hosts want.
 *
 *===----------------------------------------------------------------------===*/

#ifndef FOVEA_RUNTIME_FOVEA_ARTEFACT_H
#define FOVEA_RUNTIME_FOVEA_ARTEFACT_H

#include <stdint.h>

/** Not text, the name, and line ends that a transfer as text would change. */
#define FOVEA_ARTEFACT_MAGIC                                                   \
  "\x89"                                                                       \
  "FOVEA\r\n"
#define FOVEA_ARTEFACT_VERSION 1
/** Sections begin at multiples of this. */
#define FOVEA_ARTEFACT_ALIGNMENT 64

/** 64 bytes at the beginning of the file. */
typedef struct fovea_artefact_header {
  unsigned char magic[8];
  uint32_t version;      /**< FOVEA_ARTEFACT_VERSION */
  uint32_t header_bytes; /**< 64; the table of sections follows */
  uint64_t file_bytes;
  uint32_t sections;        /**< how many; the first is the manifest */
  uint32_t table_checksum;  /**< CRC-32, as in zlib, of the table */
  uint32_t header_checksum; /**< the same of the 32 bytes before it */
  uint32_t reserved[7];     /**< 0 */
} fovea_artefact_header;

/** 24 bytes per section. */
typedef struct fovea_artefact_section {
  uint64_t offset; /**< from the beginning of the file */
  uint64_t size;
  uint32_t checksum; /**< CRC-32 of the section's bytes */
  uint32_t reserved; /**< 0 */
} fovea_artefact_section;

#endif /* FOVEA_RUNTIME_FOVEA_ARTEFACT_H */
