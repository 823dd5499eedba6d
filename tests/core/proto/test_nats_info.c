/* Tests of core/proto/nats_info: the INFO line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/proto/nats_info.h"

#include <cjson/cJSON.h>

static struct nats_info_server server_plain(void)
{
    return (struct nats_info_server){.server_id = "NID",
                                     .server_name = "hub",
                                     .version = "2.9.10",
                                     .go = "none",
                                     .host = "0.0.0.0",
                                     .port = 4222,
                                     .headers = true,
                                     .max_payload = 1048576,
                                     .remote_account = "$G"};
}

static void assert_line(const struct nats_info_server *server,
                        const struct nats_info_client *client, const char *expected)
{
    static struct nats_info info;
    char line[NATS_INFO_BYTES_MAX];
    assert_true(nats_info_init(&info, server));
    size_t size = nats_info_write(&info, client, line);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(line, expected, size);
}

#define HEAD                                                                                       \
    "INFO {\"server_id\":\"NID\",\"server_name\":\"hub\",\"version\":\"2.9.10\",\"proto\":1,"      \
    "\"go\":\"none\",\"host\":\"0.0.0.0\",\"port\":4222,\"headers\":true,"

/*
 * Goal:    the line of an ordinary connection, byte for byte: one space before CR LF, absent fields
 *          absent.
 * Method:  compare with the literal.
 */
static void test_info_plain(void **state)
{
    (void)state;
    struct nats_info_server server = server_plain();
    struct nats_info_client client = {.client_id = 7, .client_ip = bytes_text("127.0.0.1")};
    assert_line(&server, &client,
                HEAD "\"max_payload\":1048576,\"client_id\":7,\"client_ip\":\"127.0.0.1\"} \r\n");
}

/*
 * Goal:    optional fields appear when asked for; a lame duck's line lists no servers.
 * Method:  the same server with all options, before and in lame duck mode, and after the first
 * PONG.
 */
static void test_info_optional_fields(void **state)
{
    (void)state;
    static const char *const urls[] = {"a:1", "[::1]:2"};
    struct nats_info_server server = server_plain();
    server.connect_urls = urls;
    server.connect_urls_count = 2;
    struct nats_info_client client = {.client_id = UINT64_MAX};
    assert_line(&server, &client,
                HEAD "\"max_payload\":1048576,"
                     "\"client_id\":18446744073709551615,"
                     "\"connect_urls\":[\"a:1\",\"[::1]:2\"]} \r\n");
    client.auth_required = true;
    client.nonce = bytes_text("abcdefgh-_12345");
    assert_line(&server, &client,
                HEAD "\"max_payload\":1048576,"
                     "\"client_id\":18446744073709551615,\"auth_required\":true,"
                     "\"nonce\":\"abcdefgh-_12345\",\"connect_urls\":[\"a:1\",\"[::1]:2\"]} \r\n");
    client.auth_required = false;
    client.nonce = (struct bytes){0};
    client.ldm = true;
    assert_line(&server, &client,
                HEAD "\"max_payload\":1048576,"
                     "\"client_id\":18446744073709551615,\"ldm\":true} \r\n");
    client.ldm = false;
    client.connect_info = true;
    server.connect_urls_count = 0;
    assert_line(&server, &client,
                HEAD "\"max_payload\":1048576,"
                     "\"client_id\":18446744073709551615,"
                     "\"connect_info\":true,\"remote_account\":\"$G\",\"acc_is_sys\":false} \r\n");
}

/*
 * Goal:    names with quotes, backslashes and control characters make valid JSON.
 * Method:  parse the line again and compare.
 */
static void test_info_escapes(void **state)
{
    (void)state;
    static struct nats_info info;
    char line[NATS_INFO_BYTES_MAX];
    struct nats_info_server server = server_plain();
    server.server_name = "q\"b\\n\n\x01\xc3\xa9";
    assert_true(nats_info_init(&info, &server));
    struct nats_info_client client = {.client_id = 1, .client_ip = bytes_text("::1")};
    size_t size = nats_info_write(&info, &client, line);
    assert_null(memchr(line, '\n', size - 1));
    cJSON *root = cJSON_ParseWithLength(line + 5, size - 5);
    assert_non_null(root);
    assert_string_equal(cJSON_GetObjectItem(root, "server_name")->valuestring, server.server_name);
    assert_string_equal(cJSON_GetObjectItem(root, "client_ip")->valuestring, "::1");
    cJSON_Delete(root);
}

/*
 * Goal:    max_payload is printed as an integer whatever its size.
 * Method:  a value that a double prints with an exponent.
 */
static void test_info_large_payload(void **state)
{
    (void)state;
    struct nats_info_server server = server_plain();
    server.max_payload = INT64_MAX;
    struct nats_info_client client = {.client_id = 0};
    assert_line(&server, &client, HEAD "\"max_payload\":9223372036854775807,\"client_id\":0} \r\n");
}

/*
 * Goal:    a line never passes 4 KiB, and init says so.
 * Method:  names of growing length: while init agrees, the longest client's line fits.
 */
static void test_info_limit(void **state)
{
    (void)state;
    static struct nats_info info;
    static char name[NATS_INFO_BYTES_MAX + 2];
    char line[NATS_INFO_BYTES_MAX];
    char ip[NATS_INFO_CLIENT_IP_MAX];
    memset(ip, 'f', sizeof ip);
    struct nats_info_server server = server_plain();
    server.server_name = name;
    struct nats_info_client client = {.client_id = UINT64_MAX,
                                      .client_ip = bytes_of(ip, sizeof ip),
                                      .ldm = true,
                                      .connect_info = true};
    size_t fitted = 0;
    for (size_t size = 1; size <= NATS_INFO_BYTES_MAX; size++) {
        memset(name, 'n', size);
        if (nats_info_init(&info, &server)) {
            assert_true(nats_info_write(&info, &client, line) <= NATS_INFO_BYTES_MAX);
            fitted = size;
        }
    }
    assert_true(fitted > 3600);
    assert_true(fitted < NATS_INFO_BYTES_MAX);
}

/*
 * Goal:    a server id has an nkey's form: prefix byte, key, checksum, in base32.
 * Method:  decode it again, and one known text: 35 bytes of a zero key.
 */
static void test_info_server_id(void **state)
{
    (void)state;
    uint8_t random[32];
    char id[NATS_SERVER_ID_SIZE + 1];
    for (int i = 0; i < 32; i++) {
        random[i] = (uint8_t)(i * 37 + 11);
    }
    nats_info_server_id(random, id);
    assert_int_equal(strlen(id), NATS_SERVER_ID_SIZE);
    assert_int_equal(id[0], 'N');
    uint8_t decoded[35] = {0};
    for (size_t i = 0; i < NATS_SERVER_ID_SIZE; i++) {
        uint32_t value = id[i] >= 'A' ? (uint32_t)(id[i] - 'A') : (uint32_t)(id[i] - '2') + 26;
        assert_true(value < 32);
        for (size_t bit = 0; bit < 5; bit++) {
            size_t at = i * 5 + bit;
            decoded[at / 8] |= (uint8_t)(((value >> (4 - bit)) & 1) << (7 - at % 8));
        }
    }
    assert_int_equal(decoded[0], 0x68);
    assert_memory_equal(decoded + 1, random, 32);
    /* The checksum over a message and its big-endian checksum is 0. */
    uint8_t whole[35];
    memcpy(whole, decoded, 33);
    whole[33] = decoded[34];
    whole[34] = decoded[33];
    uint32_t crc = 0;
    for (size_t i = 0; i < 35 * 8; i++) {
        uint32_t bit = (whole[i / 8] >> (7 - i % 8)) & 1;
        uint32_t top = (crc >> 15) & 1;
        crc = (crc << 1) & 0xFFFF;
        crc = top ^ bit ? crc ^ 0x1021 : crc;
    }
    assert_int_equal(crc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_plain),   cmocka_unit_test(test_info_optional_fields),
        cmocka_unit_test(test_info_escapes), cmocka_unit_test(test_info_large_payload),
        cmocka_unit_test(test_info_limit),   cmocka_unit_test(test_info_server_id),
    };
    return cmocka_run_group_tests_name("nats_info", tests, NULL, NULL);
}
