// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// limitTrials are about the account as a whole. They begin without a connection.
func limitTrials() []trial {
	return []trial{
		{"connections: as many as the limit, of all users together", countConnections, "10 connections"},
		{"subscriptions: as many as the limit, of each connection", countSubscriptions, "12 subscriptions, 12 of another user"},
		{"payload: the server announces it, and the client keeps to it", payload, "4096 bytes, the client refuses more"},
		{"payload: the server closes a connection that does not", payloadOfServer, "closed"},
		{"leaf nodes: none", leafNode, "maximum account active connections exceeded"},
		{"JetStream: the account's limits", func(w *world) (string, error) {
			account, err := w.server.LookupAccount("RESTATE")
			if err != nil {
				return "", err
			}
			l := account.JetStreamUsage().Limits
			return fmt.Sprintf("%d in memory, %d in files, %d streams, %d consumers", l.MaxMemory, l.MaxStore, l.MaxStreams, l.MaxConsumers), nil
		}, "0 in memory, 8388608 in files, 2 streams, 3 consumers"},
	}
}

func countConnections(w *world) (string, error) {
	w.hangUp()
	users := []string{"worker", "listener", "bridge", "nack"}
	for n := range 12 {
		nc, err := dial(w, w.server, w.keys, users[n%len(users)])
		if err != nil {
			if !strings.Contains(err.Error(), "maximum account active connections exceeded") {
				return "", err
			}
			return fmt.Sprintf("%d connections", n), nil
		}
		w.conns[fmt.Sprint(n)] = nc
	}
	return "no limit", nil
}

// countSubscriptions: two connections, to see whose limit it is.
func countSubscriptions(w *world) (string, error) {
	w.hangUp()
	count := func(user string) (int, error) {
		nc, err := w.conn(user)
		if err != nil {
			return 0, err
		}
		for n := range 20 {
			if _, err := nc.SubscribeSync(fmt.Sprintf("_INBOX_restate.%d", n)); err != nil {
				return 0, err
			}
			if err := nc.Flush(); err != nil {
				return 0, err
			}
			if errors.Is(nc.LastError(), nats.ErrMaxSubscriptionsExceeded) {
				return n, nil
			}
		}
		return -1, nil
	}
	first, err := count("worker")
	if err != nil {
		return "", err
	}
	second, err := count("listener")
	return fmt.Sprintf("%d subscriptions, %d of another user", first, second), err
}

func payload(w *world) (string, error) {
	nc, err := w.conn("worker")
	if err != nil {
		return "", err
	}
	err = nc.Publish("restate.events.order", make([]byte, 4097))
	if !errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Sprintf("%d bytes", nc.MaxPayload()), err
	}
	return fmt.Sprintf("%d bytes, the client refuses more", nc.MaxPayload()), nc.Publish("restate.events.order", make([]byte, 4096))
}

// payloadOfServer speaks the protocol itself, because the client would not send it.
func payloadOfServer(w *world) (string, error) {
	c, err := raw(w, w.server.Addr().String(), "worker")
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "PUB restate.events.order 4097\r\n%s\r\nPING\r\n", strings.Repeat("x", 4097)); err != nil {
		return "", err
	}
	line, err := c.answer()
	if strings.Contains(line, "Maximum Payload Violation") {
		return "closed", nil
	}
	return line, err
}

// leafNode connects as one, with the key of a user.
func leafNode(w *world) (string, error) {
	w.hangUp()
	varz, err := w.server.Varz(nil)
	if err != nil {
		return "", err
	}
	c, err := raw(w, fmt.Sprintf("127.0.0.1:%d", varz.LeafNode.Port), "worker")
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.answer()
}

// rawConn speaks the protocol of clients and leaf nodes line by line.
type rawConn struct {
	net.Conn
	lines *bufio.Reader
}

// raw connects and signs the server's nonce.
func raw(w *world, address, user string) (*rawConn, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	c := &rawConn{conn, bufio.NewReader(conn)}
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var info struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "INFO ")), &info); err != nil {
		return nil, err
	}
	sig, err := w.keys.of(w, user).Sign([]byte(info.Nonce))
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(c, "CONNECT {\"nkey\":%q,\"sig\":%q,\"name\":\"leaf\",\"server_id\":\"N\",\"headers\":true,\"protocol\":1}\r\nPING\r\n",
		w.keys.public(w, user), base64.RawURLEncoding.EncodeToString(sig))
	return c, err
}

// answer is the text of the first error, or that there is none until the PONG of the last PING.
func (c *rawConn) answer() (string, error) {
	for pongs := 0; ; {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return "", err
		}
		if text, found := strings.CutPrefix(line, "-ERR "); found {
			return strings.Trim(strings.TrimSpace(text), "'"), nil
		}
		if strings.HasPrefix(line, "PONG") {
			if pongs++; pongs > 0 && c.lines.Buffered() == 0 {
				return "accepted", nil
			}
		}
	}
}
