/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * CRC-32 finds every error of up to 32 bits in a row, and any other but for one in four thousand
 * million.
 */

#include "bytes.h"

#include <zlib.h>

uint32_t bytes_checksum(const uint8_t *data, size_t len)
{
        return (uint32_t)crc32(0, data, (uInt)len);
}
