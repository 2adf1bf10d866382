/* A driver of pcscd: the virtual reader of vpcd, which besides says how long a command it carries, as real readers do.
 * Only the question for features is answered here; everything else is found in vpcd's own driver, against which this
 * one is linked. PC/SC part 10 §2.2 (features) and §2.6.14 (properties). */

#include <string.h>

#include <ifdhandler.h>

#define GET_FEATURES 0x42000D48
#define GET_PROPERTIES 0x42330012

static RESPONSECODE answer(const UCHAR *found, DWORD size, PUCHAR out, DWORD room, LPDWORD written)
{
    if (room < size)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(out, found, size);
    *written = size;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHControl(
    DWORD lun, DWORD code, PUCHAR in, DWORD in_size, PUCHAR out, DWORD room, LPDWORD written)
{
    static const UCHAR features[] = {0x12, 4, 0x42, 0x33, 0x00, 0x12};
    static const UCHAR properties[] = {0x0A, 4, MOST_BYTES & 0xFF, MOST_BYTES >> 8 & 0xFF, MOST_BYTES >> 16, 0};

    (void)lun, (void)in, (void)in_size;
    *written = 0;
    if (code == GET_FEATURES)
        return answer(features, sizeof features, out, room, written);
    if (code == GET_PROPERTIES)
        return answer(properties, sizeof properties, out, room, written);
    return IFD_ERROR_NOT_SUPPORTED;
}
